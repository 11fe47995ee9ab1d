/* score_modes.c - whether frames wait for their score, and which frames are scored
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * With mode=async, frames pass at once, and the newest one is scored by a thread of the core, which serves other
 * elements too. The worker holds the buffer that came, and a copy without memory of its own passes. The pixels are
 * converted in the worker's turn.
 */
#include "score_element.h"

GST_DEBUG_CATEGORY_EXTERN(cbigan_score_debug);
#define GST_CAT_DEFAULT cbigan_score_debug

#define LONGEST_DRAIN (10 * G_USEC_PER_SEC)

void
cbigan_score_job_free(gpointer data)
{
  CbiganJob *job = data;
  gst_buffer_unref(job->buffer);
  gst_clear_caps(&job->caps);
  g_free(job);
}

gboolean
cbigan_score_is_async(GstCbiganScore *self)
{
  GST_OBJECT_LOCK(self);
  const CbiganMode mode = self->tuning.mode;
  const gboolean async =
      !self->tuning.roi_from_meta && (mode == CBIGAN_MODE_ASYNC || (mode == CBIGAN_MODE_AUTO && self->latency.live));
  GST_OBJECT_UNLOCK(self);
  return async;
}

/* Whether a job's result would still be of use. failure: the job could not be done */
static gboolean
is_current(GstCbiganScore *self, const CbiganJob *job, gboolean failure)
{
  g_rec_mutex_lock(&self->results);
  const gboolean current = job->generation == self->generation && !self->failed;
  if (current && failure)
    self->failed = TRUE;
  g_rec_mutex_unlock(&self->results);
  return current;
}

/* First step of the worker's turn. Another thread may set the scorer up for this element meanwhile, but no frame. */
static gboolean
prepare(gpointer element, CbiganFrame *rgb, GError **error)
{
  GstCbiganScore *self = element;
  const CbiganJob *job = cbigan_worker_take(self->worker);
  self->work = job;
  self->converted = job && is_current(self, job, FALSE) && cbigan_score_convert(self, job, rgb, error);
  return self->converted;
}

/* Last step of the worker's turn. */
static void
done(gpointer element, gboolean scored, const GError *failure)
{
  GstCbiganScore *self = element;
  const CbiganJob *job = self->work;
  g_autoptr(GError) error = NULL;
  if (self->converted)
    cbigan_frame_input_end(self->input);
  if (scored && cbigan_score_annotate(self, job, &error)) {
    g_autoptr(GstBuffer) out = job->tuning.attach_frame || job->trigger ? gst_buffer_copy(job->buffer) : NULL;
    cbigan_score_deliver(self, job, FALSE, out);
  } else if ((failure || error) && is_current(self, job, TRUE)) {
    cbigan_score_fail(self, error ? error : failure);
  }
  cbigan_worker_end(self->worker);
}

void
cbigan_score_ask(gpointer element)
{
  GstCbiganScore *self = element;
  cbigan_score_take_session(self);
  CbiganScorer *scorer = self->swap.session->scorer;
  GST_OBJECT_LOCK(self);
  const gint64 timeout = self->tuning.batch_timeout * G_TIME_SPAN_MILLISECOND;
  GST_OBJECT_UNLOCK(self);
  cbigan_scorer_set_batch_timeout(scorer, timeout);
  cbigan_scorer_post(scorer, &self->annotation.result, prepare, done, self);
}

void
cbigan_score_offer(GstCbiganScore *self)
{
  CbiganJob *job = g_memdup2(&self->job, sizeof self->job);
  gst_buffer_ref(job->buffer);
  if (job->caps)
    gst_caps_ref(job->caps);
  if (cbigan_worker_offer(self->worker, job))
    cbigan_stats_count(&self->stats, CBIGAN_COUNT_DROPPED);
}

gboolean
cbigan_score_carry(GstCbiganScore *self, GstBuffer *buffer)
{
  const GstClockTime pts = self->job.times.timestamp;
  g_rec_mutex_lock(&self->results);
  /* A small model may be done with this very frame. */
  cbigan_score_attach(self, &self->job, !GST_CLOCK_TIME_IS_VALID(pts) || pts != self->shown.pts, buffer);
  const gboolean failed = self->failed;
  g_rec_mutex_unlock(&self->results);
  return !failed;
}

void
cbigan_score_discard(GstCbiganScore *self)
{
  g_rec_mutex_lock(&self->results);
  self->generation++;
  self->triggers.offered = 0; /* the next frame answers what is open */
  self->failed = FALSE;
  cbigan_annotation_reset(&self->shown);
  g_rec_mutex_unlock(&self->results);
  if (cbigan_worker_discard(self->worker))
    cbigan_stats_count(&self->stats, CBIGAN_COUNT_DROPPED);
}

void
cbigan_score_drain(GstCbiganScore *self)
{
  if (cbigan_worker_wait(self->worker, LONGEST_DRAIN))
    return;
  GST_WARNING_OBJECT(self, "the frame in work was not scored in time, so its result is lost");
  cbigan_score_discard(self);
}

/* Whether a frame that waits for its score should pass without one, because it is late. */
static gboolean
is_late(GstCbiganScore *self, const CbiganFrameTimes *times)
{
  if (!gst_base_transform_is_qos_enabled(GST_BASE_TRANSFORM(self)))
    return FALSE;
  GstClockTime now = cbigan_running_time_now(GST_ELEMENT(self));
  GST_OBJECT_LOCK(self);
  gboolean late = cbigan_latency_is_late(&self->latency, times->running_time, times->duration, now);
  GST_OBJECT_UNLOCK(self);
  return late;
}

static void
set_async(GstCbiganScore *self, gboolean async)
{
  if (async == self->async)
    return;
  self->async = async;
  cbigan_score_drain(self);
  cbigan_worker_wait(self->worker, -1); /* this thread scores now */
  GST_INFO_OBJECT(self, "frames %s", async ? "pass at once" : "wait for their score");
  GST_OBJECT_LOCK(self);
  const gboolean answer_changed = self->latency.live && self->latency.delay;
  GST_OBJECT_UNLOCK(self);
  if (answer_changed)
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

gboolean
cbigan_score_begin(GstCbiganScore *self, GstBuffer *buffer, GError **error)
{
  CbiganJob *job = &self->job;
  job->buffer = buffer;
  job->times = cbigan_score_frame_times(self, buffer);
  job->segment = GST_BASE_TRANSFORM(self)->segment;
  cbigan_score_frame_arrived(self, job->times.duration);
  if (GST_CLOCK_TIME_IS_VALID(job->times.stream_time))
    gst_object_sync_values(GST_OBJECT(self), job->times.stream_time);
  GST_OBJECT_LOCK(self);
  job->tuning = self->tuning;
  GST_OBJECT_UNLOCK(self);
  job->trigger = cbigan_score_take_trigger(self);
  gst_clear_caps(&job->caps);
  if (job->tuning.attach_frame || job->trigger)
    job->caps = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(self));
  set_async(self, cbigan_score_is_async(self));
  if (cbigan_swap_is_pending(&self->swap))
    self->pace = (CbiganPace){ 0 }; /* a new model scores the next frame */
  if (!self->async)
    cbigan_score_take_session(self);

  g_rec_mutex_lock(&self->results);
  job->generation = self->generation;
  const gboolean has_result = self->shown.valid;
  g_rec_mutex_unlock(&self->results);
  const gboolean late = !self->async && has_result && is_late(self, &job->times);
  GST_OBJECT_LOCK(self);
  const gboolean rests = has_result && job->tuning.cpu_share < 1 && g_get_monotonic_time() < self->rests_until;
  GST_OBJECT_UNLOCK(self);
  self->wanted = job->trigger || (!job->tuning.trigger && !late && !rests &&
                                  (cbigan_pace_wants(&self->pace, job->tuning.frame_interval, job->tuning.max_rate,
                                                     job->times.running_time, job->times.duration) ||
                                   (!self->async && !has_result)));
  return cbigan_video_part_find(&job->part, &self->swap.info, buffer, error);
}
