/* score_frame.c - from a frame of the stream to its annotation
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Runs in the thread that scores: the streaming thread, or one of the core's in the worker's turn.
 */
#include "i18n.h"
#include "score_element.h"

#define GST_CAT_DEFAULT cbigan_score_debug

void
cbigan_score_take_session(GstCbiganScore *self)
{
  if (!cbigan_swap_take(&self->swap))
    return;
  GST_OBJECT_LOCK(self);
  cbigan_latency_restart(&self->latency);
  GST_OBJECT_UNLOCK(self);
  g_clear_pointer(&self->input, cbigan_frame_input_free);
  const CbiganSession *session = self->swap.session;
  g_free(self->annotation.model);
  self->annotation.model = g_strdup(session->path);
  g_rec_mutex_lock(&self->results);
  self->health.stream.n_scores = 0; /* another model's scores are no drift */
  g_rec_mutex_unlock(&self->results);
  cbigan_score_counting_forget_scorer(&self->counting);
  g_free(self->annotation.name);
  self->annotation.name = gst_object_get_name(GST_OBJECT(self));
  cbigan_stats_set_session(&self->stats, session->path, cbigan_scorer_backend(session->scorer),
                           cbigan_precision_name(cbigan_scorer_precision(session->scorer)));
}

gboolean
cbigan_score_prepare_input(GstCbiganScore *self, GError **error)
{
  const CbiganModelInfo *model = cbigan_model_info(self->swap.session->model);
  if (!self->input && cbigan_swap_accepts_video(&self->swap, error))
    self->input =
        cbigan_frame_input_new(&self->swap.info, self->is_gpu, model->frame_width, model->frame_height, error);
  return self->input != NULL;
}

/* Where frames may stay on the device; NULL = they come to the host, as for a mask, cutouts and recalibration. */
static gpointer
device_context(GstCbiganScore *self)
{
  const gboolean masked = cbigan_score_is_collecting(self) || self->counting.frame_width ||
                          cbigan_score_counting_mask(&self->counting).counts ||
                          cbigan_model_info(self->swap.session->model)->mask.counts;
  return masked ? NULL : cbigan_swap_cuda_context(&self->swap);
}

gboolean
cbigan_score_convert(GstCbiganScore *self, const CbiganJob *job, CbiganFrame *rgb, GError **error)
{
  const CbiganTuning *tuning = &job->tuning;
  CbiganScorer *scorer = self->swap.session->scorer;
  const CbiganModelInfo *model = cbigan_model_info(self->swap.session->model);
  self->began = g_get_monotonic_time();
  if (!cbigan_score_prepare_input(self, error) ||
      !cbigan_scorer_set_threshold(scorer, tuning->threshold < 0 ? NAN : tuning->threshold, error) ||
      !cbigan_scorer_set_lambda(scorer, tuning->lambda < 0 ? NAN : tuning->lambda, error) ||
      !cbigan_scorer_set_min_area(scorer, tuning->min_area, error) ||
      !cbigan_score_counting_apply(&self->counting, scorer, model, job->part.width, job->part.height,
                                   tuning->cutout_overlap, error))
    return FALSE;
  const CbiganScoreCounting *counting = &self->counting;
  cbigan_frame_input_set_size(self->input, counting->frame_width ? counting->frame_width : model->frame_width,
                              counting->frame_width ? counting->frame_height : model->frame_height);
  if (!cbigan_frame_input_begin(self->input, job->buffer, &job->part, device_context(self), rgb, error))
    return FALSE;
  cbigan_score_measure(self, job, rgb);
  cbigan_score_collect(self, job, rgb);
  GST_LOG_OBJECT(self, "the model's picture is in %s memory", rgb->on_device ? "the GPU's" : "host");
  return TRUE;
}

gboolean
cbigan_score_frame(GstCbiganScore *self, const CbiganJob *job, GError **error)
{
  CbiganFrame rgb;
  cbigan_score_take_session(self);
  if (job->tuning.roi_from_meta) {
    self->began = g_get_monotonic_time();
    return cbigan_score_objects(self, job, error) && cbigan_score_annotate(self, job, error);
  }
  if (!cbigan_score_convert(self, job, &rgb, error))
    return FALSE;
  cbigan_scorer_set_batch_timeout(self->swap.session->scorer, job->tuning.batch_timeout * G_TIME_SPAN_MILLISECOND);
  const gboolean scored = cbigan_swap_score(&self->swap, &rgb, &self->annotation.result, error);
  cbigan_frame_input_end(self->input);
  return scored && cbigan_score_annotate(self, job, error);
}

/* Notes how long scoring took. */
static void
note_time(GstCbiganScore *self, const CbiganJob *job)
{
  const gint64 now = g_get_monotonic_time();
  const GstClockTime took = (GstClockTime)(now - self->began) * GST_USECOND;
  cbigan_stats_scored(&self->stats, took, cbigan_scorer_sharers(self->swap.session->scorer));
  GST_OBJECT_LOCK(self);
  const double share = self->tuning.cpu_share;
  self->rests_until = share < 1 ? now + (gint64)((double)(now - self->began) * (1 / share - 1)) : 0;
  const gboolean decided = cbigan_latency_scored(&self->latency, job->times.running_time, took) && self->latency.live;
  GST_OBJECT_UNLOCK(self);
  if (decided && !cbigan_score_is_async(self))
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

gboolean
cbigan_score_annotate(GstCbiganScore *self, const CbiganJob *job, GError **error)
{
  CbiganAnnotation *annotation = &self->annotation;
  if (!cbigan_annotation_update(annotation, job->part.width, job->part.height,
                                job->tuning.overlay == CBIGAN_OVERLAY_ATTACH)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("out of memory for a heat map of %dx%d pixels"),
                annotation->result.map_width, annotation->result.map_height);
    return FALSE;
  }
  annotation->pts = job->times.timestamp;
  annotation->running_time = job->times.running_time;
  annotation->corrupted = GST_BUFFER_FLAG_IS_SET(job->buffer, GST_BUFFER_FLAG_CORRUPTED);
  note_time(self, job);
  return TRUE;
}

static char *
watched_path(gpointer data)
{
  return cbigan_swap_path(&((GstCbiganScore *)data)->swap);
}

static void
model_changed(gpointer data)
{
  GstCbiganScore *self = data;
  GST_INFO_OBJECT(self, "the model file has changed");
  cbigan_swap_reload(&self->swap);
}

void
cbigan_score_watch(GstCbiganScore *self, gboolean runs)
{
  g_autoptr(GError) error = NULL;
  g_mutex_lock(&self->watching);
  GST_OBJECT_LOCK(self);
  const gboolean wanted = runs && self->tuning.watch;
  GST_OBJECT_UNLOCK(self);
  if (!wanted)
    g_clear_pointer(&self->watch, cbigan_watch_free);
  else if (!self->watch)
    self->watch = cbigan_watch_new(watched_path, model_changed, self, &error);
  g_mutex_unlock(&self->watching);
  if (!error)
    return;
  g_prefix_error(&error, _("the model file is not watched: "));
  cbigan_post(GST_ELEMENT(self), GST_MESSAGE_WARNING, error);
}
