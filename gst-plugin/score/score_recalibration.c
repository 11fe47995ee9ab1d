/* score_recalibration.c - the action signals `recalibrate` and `save-model`: a threshold from frames of the stream
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The thread that scores copies the model's RGB frames. When there are enough, another thread calibrates a copy of the
 * model, which then replaces the model as a new file would.
 */
#include <math.h>
#include <string.h>

#include "cutout.h"
#include "i18n.h"
#include "score_element.h"

#define FEWEST 4
#define MOST 10000
#define FALSE_ALARMS 0.01 /* as `cbigan calibrate` */

/* Frames that are collected. */
struct _CbiganRecalibration {
  guint wanted;
  char *location; /* NULL = not to be saved */
  GArray *frames; /* of CbiganFrame, which own their data */
  double parts;   /* of the frames' size in a picture: 1, or more with cutouts */
  CbiganModel *model;
};

static void
frame_clear(CbiganFrame *frame)
{
  g_free((gpointer)frame->data);
}

static void
recalibration_free(CbiganRecalibration *self)
{
  g_free(self->location);
  g_array_unref(self->frames);
  g_clear_pointer(&self->model, cbigan_model_unref);
  g_free(self);
}

/* new: NULL = it failed; error: NULL = nothing went wrong */
static void
tell(GstElement *element, const CbiganRecalibration *self, const CbiganModel *new, gboolean saved, const char *error)
{
  const double before = self->model ? cbigan_model_info(self->model)->threshold : NAN;
  gst_element_post_message(
      element, gst_message_new_element(
                   GST_OBJECT(element),
                   gst_structure_new("cbigan", "event", G_TYPE_STRING, "recalibrated", "done", G_TYPE_BOOLEAN,
                                     new != NULL, "frames", G_TYPE_UINT, self->frames->len, "threshold", G_TYPE_DOUBLE,
                                     new ? cbigan_model_info(new)->threshold : before, "previous-threshold",
                                     G_TYPE_DOUBLE, before, "location", G_TYPE_STRING, self->location, "saved",
                                     G_TYPE_BOOLEAN, saved, "error", G_TYPE_STRING, error, NULL)));
}

/* In a thread of its own. */
static void
calibrate(GstElement *element, gpointer data)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(element);
  CbiganRecalibration *r = data;
  g_autoptr(GError) error = NULL;
  gboolean saved = FALSE;
  r->model = cbigan_swap_model(&self->swap);
  g_autoptr(CbiganModel) new = NULL;
  if (r->model)
    new = cbigan_model_recalibrate(r->model, (const CbiganFrame *)(gpointer)r->frames->data, r->frames->len,
                                   FALSE_ALARMS / r->parts, NULL, &error);
  if (new && !cbigan_swap_use(&self->swap, r->model, new, &error))
    g_clear_pointer(&new, cbigan_model_unref);
  if (new && r->location)
    saved = cbigan_model_save(new, r->location, &error);
  tell(element, r, new, saved, error ? error->message : r->model ? NULL : "stopped");
}

/* n: frames to collect; location: where to save the model, or NULL. FALSE: not running, n is out of range, or frames
 * are being collected already. */
static gboolean
recalibrate(GstCbiganScore *self, guint n, const char *location)
{
  if (n < FEWEST || n > MOST || !cbigan_swap_is_running(&self->swap)) {
    GST_WARNING_OBJECT(self, "recalibrate: %u frames; expected %d to %d while the element runs", n, FEWEST, MOST);
    return FALSE;
  }
  g_rec_mutex_lock(&self->results);
  const gboolean is_new = !self->recalibration;
  if (is_new) {
    self->recalibration = g_new0(CbiganRecalibration, 1);
    self->recalibration->wanted = n;
    self->recalibration->location = location && *location ? g_strdup(location) : NULL;
    self->recalibration->frames = g_array_new(FALSE, FALSE, sizeof(CbiganFrame));
    g_array_set_clear_func(self->recalibration->frames, (GDestroyNotify)frame_clear);
  }
  g_rec_mutex_unlock(&self->results);
  return is_new;
}

static gboolean
save_model(GstCbiganScore *self, const char *location)
{
  g_autoptr(CbiganModel) model = cbigan_swap_model(&self->swap);
  g_autoptr(GError) error = NULL;
  if (!model || !location || !*location)
    return FALSE;
  const gboolean saved = cbigan_model_save(model, location, &error);
  if (!saved)
    cbigan_post(GST_ELEMENT(self), GST_MESSAGE_WARNING, error);
  return saved;
}

void
cbigan_score_install_recalibration(GObjectClass *object_class)
{
  const GSignalFlags flags = G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION;
  g_signal_new_class_handler("recalibrate", G_OBJECT_CLASS_TYPE(object_class), flags, G_CALLBACK(recalibrate), NULL,
                             NULL, NULL, G_TYPE_BOOLEAN, 2, G_TYPE_UINT, G_TYPE_STRING);
  g_signal_new_class_handler("save-model", G_OBJECT_CLASS_TYPE(object_class), flags, G_CALLBACK(save_model), NULL, NULL,
                             NULL, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
}

gboolean
cbigan_score_is_collecting(GstCbiganScore *self)
{
  g_rec_mutex_lock(&self->results);
  const gboolean collecting = self->recalibration != NULL;
  g_rec_mutex_unlock(&self->results);
  return collecting;
}

void
cbigan_score_collect(GstCbiganScore *self, const CbiganJob *job, const CbiganFrame *whole)
{
  CbiganRecalibration *complete = NULL;
  gboolean missing = FALSE;
  if (whole->on_device || GST_BUFFER_FLAG_IS_SET(job->buffer, GST_BUFFER_FLAG_CORRUPTED))
    return;
  g_rec_mutex_lock(&self->results);
  CbiganRecalibration *r = self->recalibration;
  if (r) {
    const CbiganModelInfo *info = cbigan_model_info(self->swap.session->model);
    const CbiganFrame rgb = cbigan_cutout_choose(whole, info->frame_width, info->frame_height, r->frames->len);
    r->parts = cbigan_cutout_parts(whole, info->frame_width, info->frame_height);
    const gsize row = 3 * (gsize)rgb.width;
    guint8 *pixels = g_try_malloc(row * (gsize)rgb.height);
    missing = !pixels;
    for (int y = 0; pixels && y < rgb.height; y++)
      memcpy(pixels + (gsize)y * row, rgb.data + (gsize)y * rgb.stride, row);
    const CbiganFrame frame = { .data = pixels, .width = rgb.width, .height = rgb.height, .stride = row };
    if (pixels)
      g_array_append_val(r->frames, frame);
    if (r->frames->len == r->wanted)
      complete = g_steal_pointer(&self->recalibration);
  }
  g_rec_mutex_unlock(&self->results);
  if (missing)
    cbigan_score_stop_collecting(self, _("out of memory"));
  if (complete)
    gst_element_call_async(GST_ELEMENT(self), calibrate, complete, (GDestroyNotify)recalibration_free);
}

void
cbigan_score_stop_collecting(GstCbiganScore *self, const char *reason)
{
  g_rec_mutex_lock(&self->results);
  CbiganRecalibration *open = g_steal_pointer(&self->recalibration);
  g_rec_mutex_unlock(&self->results);
  if (!open)
    return;
  tell(GST_ELEMENT(self), open, NULL, FALSE, reason);
  recalibration_free(open);
}
