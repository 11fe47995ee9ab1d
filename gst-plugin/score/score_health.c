/* score_health.c - messages about the health of cbiganscore's stream
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The thread that scores measures the model's picture and judges it with its score. A periodic call of the system's
 * clock notices that no frames come, while the element is PLAYING.
 */
#include "score_element.h"

#define MEASURE_INTERVAL (100 * GST_MSECOND) /* of the stream, between pictures that are measured */
#define TICK (100 * GST_MSECOND)
#define FEW_FRAMES 3 /* a stream of few frames may be without one for so many durations */

/* Whether a picture at that running time is to be measured. */
static gboolean
is_due(const CbiganScoreHealth *health, GstClockTime now)
{
  return !GST_CLOCK_TIME_IS_VALID(now) || !GST_CLOCK_TIME_IS_VALID(health->measured_at) || now < health->measured_at ||
         now - health->measured_at >= MEASURE_INTERVAL;
}

void
cbigan_score_measure(GstCbiganScore *self, const CbiganJob *job, const CbiganFrame *rgb)
{
  CbiganScoreHealth *health = &self->health;
  CbiganModelInfo info = *cbigan_model_info(self->swap.session->model);
  if (!info.mask.counts)
    info.mask = cbigan_score_counting_mask(&self->counting);
  health->measured = job->tuning.health && is_due(health, job->times.running_time) &&
                     cbigan_picture_measure(&info, rgb, &health->measures);
  if (health->measured)
    health->measured_at = job->times.running_time;
}

static void
add_message(GstCbiganScore *self, CbiganHealthKind kind, GQueue *messages)
{
  const CbiganFrameTimes *times = &self->health.times;
  g_autofree char *name = gst_object_get_name(GST_OBJECT(self)), *model = cbigan_swap_path(&self->swap);
  GstStructure *s =
      gst_structure_new("cbigan-health", "timestamp", G_TYPE_UINT64, times->timestamp, "stream-time", G_TYPE_UINT64,
                        times->stream_time, "running-time", G_TYPE_UINT64, times->running_time, "name", G_TYPE_STRING,
                        name, "model", G_TYPE_STRING, model, NULL);
  cbigan_stream_health_fields(&self->health.stream, kind, s);
  g_queue_push_tail(messages, gst_message_new_element(GST_OBJECT(self), s));
}

static void
add_messages(GstCbiganScore *self, guint changed, GQueue *messages)
{
  for (int kind = 0; kind < CBIGAN_N_HEALTH; kind++)
    if (changed & 1u << kind)
      add_message(self, (CbiganHealthKind)kind, messages);
  self->shown.faults = cbigan_stream_health_bits(&self->health.stream);
}

void
cbigan_score_judge_health(GstCbiganScore *self, const CbiganJob *job, GQueue *messages)
{
  CbiganScoreHealth *health = &self->health;
  const CbiganModelInfo *info = cbigan_model_info(self->swap.session->model);
  const CbiganHealthRules rules = { .confirm = job->tuning.health_time * GST_MSECOND,
                                    .freeze = job->tuning.freeze_time * GST_MSECOND };
  const double score = self->annotation.result.scores[info->score];
  const GstClockTime now = GST_CLOCK_TIME_IS_VALID(job->times.running_time)
                               ? job->times.running_time
                               : cbigan_running_time_now(GST_ELEMENT(self));
  CbiganHealth picture;
  health->times = job->times;
  health->arrived = g_get_monotonic_time(); /* scoring may take long, and the next frame waits for it */
  if (health->measured) {
    CbiganModelInfo placeless;
    const CbiganModelInfo *usual = info;
    if (self->counting.frame_width) {
      placeless = *info;
      cbigan_usual_forget_places(&placeless.usual);
      usual = &placeless;
    }
    cbigan_health_check(usual, &health->measures, score, &picture);
    add_messages(self,
                 cbigan_stream_health_step(&health->stream, info, &rules, &health->measures, &picture, score, now),
                 messages);
    health->measured = FALSE;
  } else if (!job->tuning.health) {
    add_messages(self, cbigan_stream_health_finish(&health->stream), messages);
  }
  self->shown.faults = cbigan_stream_health_bits(&health->stream);
}

void
cbigan_score_finish_health(GstCbiganScore *self, GQueue *messages)
{
  add_messages(self, cbigan_stream_health_finish(&self->health.stream), messages);
  self->health.arrived = 0;
}

/* --- no frames ---------------------------------------------------------------------------------------------------- */

/* arrived: when the last frame came, as far as the caller knows */
static void
set_no_frames(GstCbiganScore *self, gboolean on, double seconds, double limit, gint64 arrived)
{
  GQueue messages = G_QUEUE_INIT;
  g_rec_mutex_lock(&self->posting);
  g_rec_mutex_lock(&self->results);
  CbiganCondition *c = &self->health.stream.conditions[CBIGAN_HEALTH_NO_FRAMES];
  if (!on && c->on)
    c->figure = seconds;
  if (arrived == self->health.arrived &&
      cbigan_stream_health_set(&self->health.stream, CBIGAN_HEALTH_NO_FRAMES, on, seconds, limit))
    add_message(self, CBIGAN_HEALTH_NO_FRAMES, &messages);
  g_rec_mutex_unlock(&self->results);
  for (GstMessage *message; (message = g_queue_pop_head(&messages));)
    gst_element_post_message(GST_ELEMENT(self), message);
  g_rec_mutex_unlock(&self->posting);
}

void
cbigan_score_frame_arrived(GstCbiganScore *self, GstClockTime duration)
{
  const gint64 now = g_get_monotonic_time();
  g_rec_mutex_lock(&self->results);
  const gboolean was_without = self->health.stream.conditions[CBIGAN_HEALTH_NO_FRAMES].on;
  const double seconds = (double)(now - self->health.arrived) / G_USEC_PER_SEC;
  self->health.arrived = now;
  self->health.duration = GST_CLOCK_TIME_IS_VALID(duration) ? duration : 0;
  g_rec_mutex_unlock(&self->results);
  if (was_without)
    set_no_frames(self, FALSE, seconds, NAN, now);
}

static gboolean
tick(GstClock *clock, GstClockTime time, GstClockID id, gpointer element)
{
  GstCbiganScore *self = element;
  GST_OBJECT_LOCK(self);
  const GstClockTime limit = self->tuning.health ? self->tuning.no_frames_time * GST_MSECOND : 0;
  GST_OBJECT_UNLOCK(self);
  g_rec_mutex_lock(&self->results);
  const gint64 arrived = self->health.arrived;
  const GstClockTime longest = MAX(limit, FEW_FRAMES * self->health.duration);
  const gboolean is_on = self->health.stream.conditions[CBIGAN_HEALTH_NO_FRAMES].on;
  g_rec_mutex_unlock(&self->results);
  const GstClockTime without = (GstClockTime)MAX(g_get_monotonic_time() - arrived, 0) * GST_USECOND;
  const gboolean wrong = limit && arrived && without > longest;
  if (wrong == is_on)
    return TRUE;
  set_no_frames(self, wrong, (double)without / GST_SECOND, (double)longest / GST_SECOND, arrived);
  if (wrong)
    cbigan_score_finish_events(self, "no-frames");
  return TRUE;
}

/* Calls tick() while the element plays. */
static void
mind_clock(GstCbiganScore *self, gboolean plays)
{
  if (self->health.tick) {
    gst_clock_id_unschedule(self->health.tick);
    g_clear_pointer(&self->health.tick, gst_clock_id_unref);
  }
  if (!plays)
    return;
  g_autoptr(GstClock) clock = gst_system_clock_obtain();
  g_rec_mutex_lock(&self->results);
  /* After the end of the stream, none is expected. */
  self->health.arrived = GST_PAD_IS_EOS(GST_BASE_TRANSFORM_SINK_PAD(self)) ? 0 : g_get_monotonic_time();
  g_rec_mutex_unlock(&self->results);
  self->health.tick = gst_clock_new_periodic_id(clock, gst_clock_get_time(clock) + TICK, TICK);
  gst_clock_id_wait_async(self->health.tick, tick, gst_object_ref(self), gst_object_unref);
}

GstStateChangeReturn
cbigan_score_change_state(GstElement *element, GstStateChange transition)
{
  const GstElementClass *parent = g_type_class_peek(GST_TYPE_BASE_TRANSFORM);
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    mind_clock(GST_CBIGAN_SCORE(element), FALSE);
  const GstStateChangeReturn changed = parent->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING && changed != GST_STATE_CHANGE_FAILURE)
    mind_clock(GST_CBIGAN_SCORE(element), TRUE);
  return changed;
}
