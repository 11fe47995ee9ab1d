/* score_counting.c - the properties `roi`, `mask` and `cutout` of cbiganscore, on their way to the scorer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score_counting.h"

#include <math.h>

#include "i18n.h"
#include "mask_file.h"
#include "scorer_swap.h"

static void
mask_unref(CbiganSharedMask *self)
{
  if (!self || !g_atomic_ref_count_dec(&self->references))
    return;
  cbigan_mask_clear(&self->mask);
  g_free(self);
}

static CbiganSharedMask *
mask_ref(CbiganSharedMask *self)
{
  if (self)
    g_atomic_ref_count_inc(&self->references);
  return self;
}

/* path: NULL = none; then *mask = NULL */
static gboolean
read_mask(const char *path, CbiganSharedMask **mask, GError **error)
{
  CbiganMask pixels;
  *mask = NULL;
  if (!path)
    return TRUE;
  if (!cbigan_mask_read(path, &pixels, error))
    return FALSE;
  *mask = g_new0(CbiganSharedMask, 1);
  g_atomic_ref_count_init(&(*mask)->references);
  (*mask)->mask = pixels;
  return TRUE;
}

static void
values_clear(CbiganCountingValues *self)
{
  g_clear_pointer(&self->roi, g_free);
  g_clear_pointer(&self->path, g_free);
  g_clear_pointer(&self->cutout, g_free);
  g_clear_pointer(&self->mask, mask_unref);
}

static CbiganCountingValues
values_copy(const CbiganCountingValues *self)
{
  return (CbiganCountingValues){ g_strdup(self->roi), g_strdup(self->path), g_strdup(self->cutout),
                                 mask_ref(self->mask) };
}

void
cbigan_score_counting_init(CbiganScoreCounting *self, GstElement *element)
{
  self->element = element;
  self->changed = TRUE;
}

void
cbigan_score_counting_clear(CbiganScoreCounting *self)
{
  values_clear(&self->wanted);
  values_clear(&self->used);
}

/* (transfer full) An empty text stands for none. */
static char *
or_none(const char *text)
{
  return text && *text ? g_strdup(text) : NULL;
}

/* value: a field of self->wanted */
static void
set_text(CbiganScoreCounting *self, char **value, const char *text)
{
  GST_OBJECT_LOCK(self->element);
  char *old = *value;
  *value = or_none(text);
  self->changed = TRUE;
  GST_OBJECT_UNLOCK(self->element);
  g_free(old);
}

static char *
get_text(CbiganScoreCounting *self, char *const *value)
{
  GST_OBJECT_LOCK(self->element);
  char *text = g_strdup(*value);
  GST_OBJECT_UNLOCK(self->element);
  return text;
}

void
cbigan_score_counting_set_roi(CbiganScoreCounting *self, const char *roi)
{
  set_text(self, &self->wanted.roi, roi);
}

void
cbigan_score_counting_set_cutout(CbiganScoreCounting *self, const char *cutout)
{
  set_text(self, &self->wanted.cutout, cutout);
}

void
cbigan_score_counting_set_mask(CbiganScoreCounting *self, const char *path, gboolean running)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *wanted = or_none(path);
  CbiganSharedMask *mask = NULL;
  if (running && !read_mask(wanted, &mask, &error)) {
    cbigan_post(self->element, GST_MESSAGE_WARNING, error);
    return;
  }
  GST_OBJECT_LOCK(self->element);
  char *old_path = self->wanted.path;
  CbiganSharedMask *old = self->wanted.mask;
  self->wanted.path = g_steal_pointer(&wanted);
  self->wanted.mask = mask;
  self->changed = TRUE;
  GST_OBJECT_UNLOCK(self->element);
  g_free(old_path);
  mask_unref(old);
}

char *
cbigan_score_counting_get_roi(CbiganScoreCounting *self)
{
  return get_text(self, &self->wanted.roi);
}

char *
cbigan_score_counting_get_mask(CbiganScoreCounting *self)
{
  return get_text(self, &self->wanted.path);
}

char *
cbigan_score_counting_get_cutout(CbiganScoreCounting *self)
{
  return get_text(self, &self->wanted.cutout);
}

gboolean
cbigan_score_counting_start(CbiganScoreCounting *self, GError **error)
{
  CbiganSharedMask *mask = NULL;
  g_autofree char *path = cbigan_score_counting_get_mask(self);
  if (!read_mask(path, &mask, error))
    return FALSE;
  values_clear(&self->used);
  self->has_used = FALSE;
  self->scorer = NULL;
  GST_OBJECT_LOCK(self->element);
  CbiganSharedMask *old = self->wanted.mask;
  self->wanted.mask = mask;
  self->changed = TRUE;
  GST_OBJECT_UNLOCK(self->element);
  mask_unref(old);
  return TRUE;
}

/* The values before a change that can't be used are the properties' again, unless they have changed since. */
static void
restore(CbiganScoreCounting *self)
{
  CbiganCountingValues values = values_copy(&self->used);
  GST_OBJECT_LOCK(self->element);
  if (!self->changed) {
    CbiganCountingValues bad = self->wanted;
    self->wanted = values;
    values = bad;
  }
  GST_OBJECT_UNLOCK(self->element);
  values_clear(&values);
}

/* A picture on its way to a scorer. */
typedef struct {
  CbiganScorer *scorer;
  const CbiganModelInfo *info;
  int width, height;
  double overlap;
} Given;

/* Fills self->frame_width and _height, where the scorer takes the values. */
static gboolean
give_cutout(CbiganScoreCounting *self, const char *text, const Given *given, GError **error)
{
  CbiganCutout cutout;
  self->frame_width = self->frame_height = 0;
  if (!text)
    return cbigan_scorer_set_cutouts(given->scorer, NAN, error);
  return cbigan_cutout_parse(text, &cutout, error) && cbigan_scorer_set_cutouts(given->scorer, given->overlap, error) &&
         cbigan_cutout_resize(&cutout, given->info->frame_width, given->info->frame_height, given->width, given->height,
                              &self->frame_width, &self->frame_height, error);
}

static gboolean
give(CbiganScoreCounting *self, const CbiganCountingValues *values, const Given *given, GError **error)
{
  CbiganCounting counting = CBIGAN_COUNTING_INIT;
  if (!give_cutout(self, values->cutout, given, error))
    return FALSE;
  counting.roi = values->roi;
  counting.picture_width = given->width;
  counting.picture_height = given->height;
  if (values->mask)
    counting.mask = values->mask->mask;
  return cbigan_scorer_set_counting(given->scorer, &counting, error);
}

/* A new model or another size of video made the values useless, and there are none to go back to. */
static void
count_all(CbiganScoreCounting *self, const Given *given, GError **reason)
{
  give_cutout(self, NULL, given, NULL);
  cbigan_scorer_set_counting(given->scorer, NULL, NULL);
  g_prefix_error(reason, _("the whole picture counts now: "));
}

gboolean
cbigan_score_counting_apply(CbiganScoreCounting *self, CbiganScorer *scorer, const CbiganModelInfo *info, int width,
                            int height, double overlap, GError **error)
{
  const Given given = { scorer, info, width, height, overlap };
  const gboolean again = scorer == self->scorer && width == self->width && height == self->height;
  g_autoptr(GError) reason = NULL;
  GST_OBJECT_LOCK(self->element);
  const gboolean changed = self->changed;
  CbiganCountingValues values = changed ? values_copy(&self->wanted) : (CbiganCountingValues){ 0 };
  self->changed = FALSE;
  GST_OBJECT_UNLOCK(self->element);
  if (!changed && again) /* only the overlap may have changed */
    return !self->frame_width || cbigan_scorer_set_cutouts(scorer, overlap, error);
  if (!changed)
    values = values_copy(&self->used);
  if (give(self, &values, &given, &reason)) {
    values_clear(&self->used);
    self->used = values;
    self->has_used = TRUE;
  } else {
    values_clear(&values);
    if (!self->has_used) {
      g_propagate_error(error, g_steal_pointer(&reason));
      return FALSE;
    }
    if (changed && give(self, &self->used, &given, NULL))
      restore(self);
    else
      count_all(self, &given, &reason);
    cbigan_post(self->element, GST_MESSAGE_WARNING, reason);
  }
  self->scorer = scorer;
  self->width = width;
  self->height = height;
  return TRUE;
}

void
cbigan_score_counting_forget_scorer(CbiganScoreCounting *self)
{
  self->scorer = NULL;
}

CbiganMask
cbigan_score_counting_mask(const CbiganScoreCounting *self)
{
  return self->used.mask ? self->used.mask->mask : (CbiganMask){ 0 };
}
