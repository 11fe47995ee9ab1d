/* score_messages.c - the messages of cbiganscore on the bus
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a field that buffers carry too: cbigan_annotation_fields(). Fields of messages alone:
 * cbigan_score_new_message().
 */
#include "score_element.h"

#include <string.h>

#include "i18n.h"

#define MOST_UNREAD 8 /* messages with a frame that nobody has freed; later ones come without */

CbiganFrameTimes
cbigan_score_frame_times(GstCbiganScore *self, GstBuffer *buffer)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM(self)->segment;
  GstClockTime pts = GST_BUFFER_PTS(buffer);
  gboolean known = segment->format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID(pts);
  return (CbiganFrameTimes){
    .timestamp = pts,
    .stream_time = known ? gst_segment_to_stream_time(segment, GST_FORMAT_TIME, pts) : GST_CLOCK_TIME_NONE,
    .running_time = known ? gst_segment_to_running_time(segment, GST_FORMAT_TIME, pts) : GST_CLOCK_TIME_NONE,
    .duration = GST_BUFFER_DURATION(buffer),
  };
}

/* Whether the bus is to hear of this frame, and *kind. Sets the newest result's event id. */
static gboolean
should_post(GstCbiganScore *self, gboolean stale, const CbiganJob *job, CbiganEventKind *kind)
{
  const CbiganTuning *tuning = &job->tuning;
  const CbiganResult *result = &self->shown.result;
  /* Without timestamps the clock tells how much time has passed. */
  const GstClockTime now = GST_CLOCK_TIME_IS_VALID(job->times.running_time)
                               ? job->times.running_time
                               : cbigan_running_time_now(GST_ELEMENT(self));
  const CbiganEventRules rules = { .confirm_frames = tuning->confirm_frames,
                                   .confirm_time = tuning->confirm_time * GST_MSECOND,
                                   .hold = tuning->hold * GST_MSECOND };
  const CbiganEventFrame frame = { .score = result->score,
                                   .normalized = result->normalized,
                                   .too_small = result->normalized > 0.5 && !result->anomalous,
                                   .timestamp = job->times.timestamp,
                                   .running_time = now };
  *kind = self->events.open ? CBIGAN_EVENT_UPDATE : CBIGAN_EVENT_SCORE;
  if (!stale)
    *kind = cbigan_events_step(&self->events, &frame, &rules);
  self->shown.event_id = self->events.open ? self->events.id : 0;
  if (stale && tuning->updates != CBIGAN_UPDATES_EVERY_FRAME)
    return FALSE;
  return cbigan_events_wanted(&self->events, *kind, tuning->updates, now, tuning->interval * GST_MSECOND);
}

/* A message that held a frame was freed. */
static void
forget_message(gpointer unread, GstMiniObject *message)
{
  g_atomic_int_add((gint *)unread, -1);
  g_atomic_rc_box_release(unread);
}

/* Adds the frame and the highest-scored frame of an anomaly that ends. Whoever does not read the bus would keep all
 * these frames in memory, so their number is bounded. NULL: no frame. */
static void
add_frames(GstCbiganScore *self, GstMessage *message, GstSample *frame, GstSample *peak)
{
  GstStructure *s = gst_message_writable_structure(message);
  if (g_atomic_int_get(self->unread) >= MOST_UNREAD) {
    gst_structure_set(s, "frame-omitted", G_TYPE_BOOLEAN, TRUE, NULL);
    return;
  }
  if (frame)
    gst_structure_set(s, "frame", GST_TYPE_SAMPLE, frame, NULL);
  if (frame && self->shown.heatmap)
    gst_structure_set(s, "heatmap", GST_TYPE_SAMPLE, self->shown.heatmap, NULL);
  if (peak)
    gst_structure_set(s, "peak-frame", GST_TYPE_SAMPLE, peak, NULL);
  g_atomic_int_inc(self->unread);
  gst_mini_object_weak_ref(GST_MINI_OBJECT_CAST(message), forget_message, g_atomic_rc_box_acquire(self->unread));
}

GstMessage *
cbigan_score_new_message(GstCbiganScore *self, CbiganEventKind kind, gboolean stale, const CbiganJob *job,
                         GstSample *frame)
{
  const CbiganFrameTimes *times = &job->times;
  GstStructure *s =
      gst_structure_new("cbigan", "event", G_TYPE_STRING, cbigan_event_name(kind), "timestamp", G_TYPE_UINT64,
                        times->timestamp, "stream-time", G_TYPE_UINT64, times->stream_time, "running-time",
                        G_TYPE_UINT64, times->running_time, "duration", G_TYPE_UINT64, times->duration, NULL);
  cbigan_annotation_fields(&self->shown, stale, s);
  if (kind != CBIGAN_EVENT_SCORE)
    cbigan_events_fields(&self->events, s);
  if (kind == CBIGAN_EVENT_END)
    gst_structure_set(s, "reason", G_TYPE_STRING, "below", NULL);
  if (job->tuning.updates == CBIGAN_UPDATES_INTERVAL) {
    g_autoptr(GstStructure) stats = cbigan_stats_get(&self->stats);
    gst_structure_set(s, "stats", GST_TYPE_STRUCTURE, stats, NULL);
  }
  GstMessage *message = gst_message_new_element(GST_OBJECT(self), s);
  GstSample *peak = kind == CBIGAN_EVENT_END ? self->peak_frame : NULL;
  if (frame || peak)
    add_frames(self, message, frame, peak);
  return message;
}

void
cbigan_score_attach(GstCbiganScore *self, const CbiganJob *job, gboolean stale, GstBuffer *buffer)
{
  g_rec_mutex_lock(&self->results);
  const CbiganAnnotation *shown = &self->shown;
  const GstClockTime now = job->times.running_time, then = shown->running_time;
  const gboolean is_old = job->tuning.carry_limit && GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(then) &&
                          now > then && now - then > job->tuning.carry_limit;
  if (shown->valid && !(stale && is_old)) {
    cbigan_annotation_attach(shown, stale, job->tuning.regions, &job->part, buffer);
    if (stale)
      cbigan_stats_count(&self->stats, CBIGAN_COUNT_CARRIED);
  }
  g_rec_mutex_unlock(&self->results);
}

/* Keeps the frame that has the highest score of the anomaly so far, for the message at its end. */
static void
keep_peak(GstCbiganScore *self, const CbiganJob *job, GstSample *frame)
{
  const gboolean on = self->events.open || self->events.over;
  if (!on || (frame && self->events.peak.timestamp == job->times.timestamp)) {
    g_clear_pointer(&self->peak_frame, gst_sample_unref);
    self->peak_frame = on ? gst_sample_ref(frame) : NULL;
  }
}

static void
post_all(GstCbiganScore *self, GQueue *messages)
{
  for (GstMessage *message; (message = g_queue_pop_head(messages));)
    gst_element_post_message(GST_ELEMENT(self), message);
}

gboolean
cbigan_score_deliver(GstCbiganScore *self, const CbiganJob *job, gboolean stale, GstBuffer *out)
{
  CbiganEventKind kind;
  GQueue messages = G_QUEUE_INIT;
  g_rec_mutex_lock(&self->posting);
  g_rec_mutex_lock(&self->results);
  const gboolean is_current = job->generation == self->generation;
  if (is_current) {
    if (!stale) {
      cbigan_annotation_copy(&self->shown, &self->annotation);
      cbigan_score_judge_health(self, job, &messages);
    }
    const gboolean wanted = should_post(self, stale, job, &kind);
    if (out)
      cbigan_score_attach(self, job, stale, out);
    /* Last, since a sample that holds the buffer makes it read-only. */
    const gboolean attached = out && job->tuning.attach_frame && (wanted || self->events.open || self->events.over);
    g_autoptr(GstSample) sample =
        attached || (out && job->trigger) ? gst_sample_new(out, job->caps, &job->segment, NULL) : NULL;
    GstSample *frame = attached ? sample : NULL;
    if (wanted)
      g_queue_push_tail(&messages, cbigan_score_new_message(self, kind, stale, job, frame));
    if (!stale) {
      cbigan_score_answer(self, job, sample, &messages);
      keep_peak(self, job, frame);
      cbigan_score_take_snapshots(self, job, out ? out : job->buffer);
      self->last_times = job->times;
    }
  }
  g_rec_mutex_unlock(&self->results);
  post_all(self, &messages);
  g_rec_mutex_unlock(&self->posting);
  return is_current;
}

void
cbigan_score_finish_events(GstCbiganScore *self, const char *reason)
{
  const gboolean answers_later = !strcmp(reason, "flush") || !strcmp(reason, "no-frames"); /* the next frame does */
  CbiganJob last = { 0 };
  GQueue messages = G_QUEUE_INIT;
  GST_OBJECT_LOCK(self);
  last.tuning = self->tuning;
  GST_OBJECT_UNLOCK(self);
  g_rec_mutex_lock(&self->posting);
  g_rec_mutex_lock(&self->results);
  last.times = self->last_times;
  if (cbigan_events_finish(&self->events) && last.tuning.updates != CBIGAN_UPDATES_NONE) {
    GstMessage *message = cbigan_score_new_message(self, CBIGAN_EVENT_END, TRUE, &last, NULL);
    gst_structure_set(gst_message_writable_structure(message), "reason", G_TYPE_STRING, reason, NULL);
    g_queue_push_tail(&messages, message);
  }
  if (!answers_later)
    cbigan_score_give_up(self, reason, &messages);
  if (strcmp(reason, "no-frames"))
    cbigan_score_finish_health(self, &messages);
  g_clear_pointer(&self->peak_frame, gst_sample_unref);
  g_rec_mutex_unlock(&self->results);
  post_all(self, &messages);
  g_rec_mutex_unlock(&self->posting);
  if (!answers_later) {
    cbigan_score_drop_snapshots(self, reason);
    cbigan_score_stop_collecting(self, reason);
  }
}

void
cbigan_score_fail(GstCbiganScore *self, const GError *error)
{
  cbigan_score_finish_events(self, "error");
  cbigan_post(GST_ELEMENT(self), GST_MESSAGE_ERROR, error);
}

void
cbigan_score_warn_if_turned(GstCbiganScore *self, GstEvent *tags)
{
  GstTagList *list;
  g_autofree char *orientation = NULL;
  gst_event_parse_tag(tags, &list);
  if (gst_tag_list_get_string(list, GST_TAG_IMAGE_ORIENTATION, &orientation) && strcmp(orientation, "rotate-0"))
    GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                        (_("the stream's pictures are to be shown turned (“%s”), but are scored as they lie; put "
                           "“videoflip video-direction=auto” before this element"),
                         orientation),
                        (NULL));
}
