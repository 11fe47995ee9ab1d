/* areas.c - which pixels of a frame count, by areas and masks
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "areas.h"

#include <math.h>
#include <string.h>

#include "i18n.h"
#include "model/error.h"

#define N_MASKS 2 /* the caller's and the model's */

/* An ignored pixel, and the one that replaces it: y * w + x. */
typedef struct {
  guint pixel, source;
} Ignored;

struct _CbiganAreas {
  GArray *rois; /* of CbiganRoi; NULL = the whole frame */
  CbiganMask masks[N_MASKS];
  int w, h;         /* of the frame for which the rest was made; 0 = nothing yet */
  guint8 *counts;   /* (areas, h, w) */
  guint8 *unmasked; /* (h, w); NULL = no mask */
  gsize n_ignored;
  Ignored *ignored; /* (n_ignored) */
};

static gboolean
copy_mask(CbiganMask *to, const CbiganMask *from, GError **error)
{
  if (!from->counts)
    return TRUE;
  if (from->width < 1 || from->height < 1)
    return cbigan_refuse(error, _("mask: %d x %d pixels; expected at least 1 x 1"), from->width, from->height);
  const gsize n = (gsize)from->width * (gsize)from->height;
  gsize ignored = 0;
  for (gsize i = 0; i < n; i++)
    ignored += !from->counts[i];
  if (ignored == n)
    return cbigan_refuse(error, _("mask: all of its %d x %d pixels are ignored; expected at least one that counts"),
                         from->width, from->height);
  if (!ignored)
    return TRUE;
  guint8 *counts = cbigan_try_new(guint8, n, error);
  if (!counts)
    return FALSE;
  memcpy(counts, from->counts, n);
  *to = (CbiganMask){ counts, from->width, from->height };
  return TRUE;
}

CbiganAreas *
cbigan_areas_new(const CbiganCounting *counting, const CbiganMask *mask, GError **error)
{
  g_autoptr(CbiganAreas) self = g_new0(CbiganAreas, 1);
  if (!copy_mask(&self->masks[0], &counting->mask, error) || !copy_mask(&self->masks[1], mask, error))
    return NULL;
  if (counting->roi && *counting->roi &&
      !(self->rois = cbigan_roi_parse(counting->roi, counting->picture_width, counting->picture_height, error)))
    return NULL;
  return self->rois || self->masks[0].counts || self->masks[1].counts ? g_steal_pointer(&self) : NULL;
}

static void
forget_size(CbiganAreas *self)
{
  g_clear_pointer(&self->counts, g_free);
  g_clear_pointer(&self->unmasked, g_free);
  g_clear_pointer(&self->ignored, g_free);
  self->n_ignored = 0;
  self->w = self->h = 0;
}

void
cbigan_areas_free(CbiganAreas *self)
{
  if (!self)
    return;
  forget_size(self);
  g_clear_pointer(&self->rois, g_array_unref);
  for (int i = 0; i < N_MASKS; i++)
    g_free((gpointer)self->masks[i].counts);
  g_free(self);
}

/* --- the mask in a frame's size ---------------------------------------------------------------------------------- */

typedef struct {
  int from, end; /* pixels of the mask that a pixel of the frame depends on */
} Reach;

/* Along an axis of `n` pixels of the frame and `all` of the mask. When a picture shrinks, its resampler looks at two
 * pixels of the frame around each centre. */
static Reach *
find_reaches(int n, int all, GError **error)
{
  Reach *reaches = cbigan_try_new(Reach, (gsize)n, error);
  const double scale = (double)all / n, margin = all > n ? 0.5 : 0.0;
  for (int i = 0; reaches && i < n; i++) {
    const int centre = MIN((int)((i + 0.5) * scale), all - 1);
    reaches[i] =
        all > n ? (Reach){ MAX((int)floor((i - margin) * scale), 0), MIN((int)ceil((i + 1 + margin) * scale), all) }
                : (Reach){ centre, centre + 1 };
  }
  return reaches;
}

/* Clears `unmasked` (h, w) where the mask ignores something that the pixel shows. */
static gboolean
apply_mask(const CbiganMask *mask, int w, int h, guint8 *unmasked, GError **error)
{
  g_autofree Reach *across = find_reaches(w, mask->width, error);
  g_autofree Reach *down = across ? find_reaches(h, mask->height, error) : NULL;
  if (!down)
    return FALSE;
  for (int y = 0; y < h; y++)
    for (int v = down[y].from; v < down[y].end; v++) {
      const guint8 *row = mask->counts + (gsize)v * (gsize)mask->width;
      for (int x = 0; x < w; x++)
        for (int u = across[x].from; u < across[x].end; u++)
          if (!row[u])
            unmasked[(gsize)y * (gsize)w + (gsize)x] = 0;
    }
  return TRUE;
}

/* --- what replaces ignored pixels -------------------------------------------------------------------------------- */

typedef struct {
  int x, y; /* of the nearest counting pixel known so far; x < 0: none */
} Nearest;

static void
consider(Nearest *nearest, int w, int h, int x, int y, int dx, int dy)
{
  Nearest *mine = &nearest[(gsize)y * (gsize)w + (gsize)x];
  if (x + dx < 0 || x + dx >= w || y + dy < 0 || y + dy >= h)
    return;
  const Nearest *other = &nearest[(gsize)(y + dy) * (gsize)w + (gsize)(x + dx)];
  if (other->x < 0)
    return;
  const gint64 a = mine->x - x, b = mine->y - y, c = other->x - x, d = other->y - y;
  if (mine->x < 0 || c * c + d * d < a * a + b * b)
    *mine = *other;
}

/* For each pixel the nearest one that counts: distances spread in two passes (Danielsson 1980). */
static Nearest *
find_nearest(const guint8 *unmasked, int w, int h, GError **error)
{
  Nearest *nearest = cbigan_try_new(Nearest, (gsize)w * (gsize)h, error);
  for (int y = 0; nearest && y < h; y++)
    for (int x = 0; x < w; x++) {
      const gsize i = (gsize)y * (gsize)w + (gsize)x;
      nearest[i] = unmasked[i] ? (Nearest){ x, y } : (Nearest){ -1, -1 };
    }
  for (int pass = 0; nearest && pass < 2; pass++) {
    const int back = pass ? 1 : -1;
    for (int row = 0; row < h; row++) {
      const int y = pass ? h - 1 - row : row;
      for (int x = 0; x < w; x++)
        for (int dx = -1; dx <= 1; dx++)
          consider(nearest, w, h, x, y, dx, back);
      for (int x = 0; x < w; x++)
        consider(nearest, w, h, x, y, -1, 0);
      for (int x = w - 1; x >= 0; x--)
        consider(nearest, w, h, x, y, 1, 0);
    }
  }
  return nearest;
}

/* The pixel mirrored at its nearest counting one, or nearer where that one does not count. */
static guint
find_source(const guint8 *unmasked, int w, int h, int x, int y, Nearest at)
{
  int dx = at.x - x, dy = at.y - y;
  for (; dx || dy; dx /= 2, dy /= 2) {
    const int u = at.x + dx, v = at.y + dy;
    if (u >= 0 && u < w && v >= 0 && v < h && unmasked[(gsize)v * (gsize)w + (gsize)u])
      return (guint)(v * w + u);
  }
  return (guint)(at.y * w + at.x);
}

static gboolean
find_sources(CbiganAreas *self, GError **error)
{
  const int w = self->w, h = self->h;
  g_autofree Nearest *nearest = find_nearest(self->unmasked, w, h, error);
  gsize n = 0;
  for (gsize i = 0; i < (gsize)w * (gsize)h; i++)
    n += !self->unmasked[i];
  if (!nearest || !(self->ignored = cbigan_try_new(Ignored, n, error)))
    return FALSE;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const guint i = (guint)(y * w + x);
      if (!self->unmasked[i])
        self->ignored[self->n_ignored++] = (Ignored){ i, find_source(self->unmasked, w, h, x, y, nearest[i]) };
    }
  return TRUE;
}

/* --- frames of one size ------------------------------------------------------------------------------------------ */

static gboolean
any_counts(const guint8 *counts, gsize n)
{
  return memchr(counts, 1, n) != NULL;
}

static gboolean
make_masks(CbiganAreas *self, int w, int h, GError **error)
{
  const gsize n = (gsize)w * (gsize)h;
  if (!self->masks[0].counts && !self->masks[1].counts)
    return TRUE;
  if (!(self->unmasked = cbigan_try_new(guint8, n, error)))
    return FALSE;
  memset(self->unmasked, 1, n);
  for (int i = 0; i < N_MASKS; i++)
    if (self->masks[i].counts && !apply_mask(&self->masks[i], w, h, self->unmasked, error))
      return FALSE;
  if (!any_counts(self->unmasked, n))
    return cbigan_refuse(error, _("mask: it ignores all pixels of a frame of %d x %d; expected some that count"), w, h);
  return find_sources(self, error);
}

static gboolean
make_counts(CbiganAreas *self, int w, int h, GError **error)
{
  const gsize n = (gsize)w * (gsize)h;
  const guint areas = cbigan_areas_n(self);
  if (!(self->counts = cbigan_try_new(guint8, n * areas, error)))
    return FALSE;
  for (guint i = 0; i < areas; i++) {
    guint8 *counts = self->counts + n * i;
    const CbiganRoi *roi = cbigan_areas_roi(self, i);
    if (roi)
      cbigan_roi_draw(roi, w, h, counts);
    else
      memset(counts, 1, n);
    if (!any_counts(counts, n))
      return cbigan_refuse(error,
                           _("roi “%s”: it has no pixel of the model's frame of %d x %d; expected a larger area"),
                           roi->name, w, h);
    for (gsize k = 0; self->unmasked && k < n; k++)
      counts[k] &= self->unmasked[k];
    if (!any_counts(counts, n))
      return cbigan_refuse(error, _("roi “%s”: the mask ignores all of its pixels; expected some that count"),
                           roi ? roi->name : "");
  }
  return TRUE;
}

gboolean
cbigan_areas_prepare(CbiganAreas *self, int w, int h, GError **error)
{
  if (self->w == w && self->h == h)
    return TRUE;
  forget_size(self);
  self->w = w;
  self->h = h;
  if (make_masks(self, w, h, error) && make_counts(self, w, h, error))
    return TRUE;
  forget_size(self);
  return FALSE;
}

/* Copies the rectangle of `from` (all_h, all_w) to `to` (h, w). */
static void
cut_pixels(const guint8 *from, int all_w, int x, int y, int w, int h, guint8 *to)
{
  for (int row = 0; row < h; row++)
    memcpy(to + (gsize)row * (gsize)w, from + (gsize)(y + row) * (gsize)all_w + x, (gsize)w);
}

gboolean
cbigan_areas_cut(const CbiganAreas *self, int x, int y, int w, int h, CbiganAreas **part, GError **error)
{
  const gsize n = (gsize)w * (gsize)h;
  const guint areas = cbigan_areas_n(self);
  g_autoptr(CbiganAreas) cut = g_new0(CbiganAreas, 1);
  cut->rois = self->rois ? g_array_ref(self->rois) : NULL;
  cut->w = w;
  cut->h = h;
  *part = NULL;
  if (!(cut->counts = cbigan_try_new(guint8, n * areas, error)) ||
      (self->unmasked && !(cut->unmasked = cbigan_try_new(guint8, n, error))))
    return FALSE;
  for (guint i = 0; i < areas; i++)
    cut_pixels(cbigan_areas_counts(self, i), self->w, x, y, w, h, cut->counts + n * i);
  if (self->unmasked)
    cut_pixels(self->unmasked, self->w, x, y, w, h, cut->unmasked);
  if (any_counts(cut->counts, n * areas))
    *part = g_steal_pointer(&cut);
  return TRUE;
}

gboolean
cbigan_areas_for_frames(const CbiganMask *mask, const CbiganFrame *frames, guint n, CbiganAreas **areas, GError **error)
{
  static const CbiganCounting everything = CBIGAN_COUNTING_INIT;
  g_autoptr(GError) reason = NULL;
  g_autoptr(CbiganAreas) made = cbigan_areas_new(&everything, mask, &reason);
  for (guint i = 0; made && i < n; i++)
    if (!cbigan_areas_prepare(made, frames[i].width, frames[i].height, &reason))
      break;
  if (reason) {
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
  }
  *areas = g_steal_pointer(&made);
  return TRUE;
}

gboolean
cbigan_areas_set_model_mask(CbiganModel *model, const CbiganMask *mask, GError **error)
{
  const CbiganModelInfo *info = &model->info;
  const CbiganFrame frame = { .width = info->frame_width, .height = info->frame_height };
  g_autoptr(CbiganAreas) areas = NULL;
  if (!cbigan_areas_for_frames(mask, &frame, info->frame_width ? 1 : 0, &areas, error))
    return FALSE;
  const CbiganMask fitting =
      areas && info->frame_width ? (CbiganMask){ areas->unmasked, info->frame_width, info->frame_height } : *mask;
  cbigan_model_set_mask(model, &fitting);
  return TRUE;
}

guint
cbigan_areas_n(const CbiganAreas *self)
{
  return self->rois ? self->rois->len : 1;
}

const CbiganRoi *
cbigan_areas_roi(const CbiganAreas *self, guint area)
{
  return self->rois ? &g_array_index(self->rois, CbiganRoi, area) : NULL;
}

const guint8 *
cbigan_areas_counts(const CbiganAreas *self, guint area)
{
  return self->counts + (gsize)area * (gsize)self->w * (gsize)self->h;
}

const guint8 *
cbigan_areas_unmasked(const CbiganAreas *self)
{
  return self->unmasked;
}

void
cbigan_areas_fill(const CbiganAreas *self, guint8 *pixels)
{
  for (gsize i = 0; i < self->n_ignored; i++)
    memcpy(pixels + 3 * (gsize)self->ignored[i].pixel, pixels + 3 * (gsize)self->ignored[i].source, 3);
}
