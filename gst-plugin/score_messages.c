/* score_messages.c - the messages of cbiganscore on the bus
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a field that buffers carry too: cbigan_annotation_fields(). Fields of messages alone: new_message().
 */
#include "score_element.h"

#include <string.h>

#include "i18n.h"

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
  /* Without timestamps the clock tells how much time has passed. */
  const GstClockTime now = GST_CLOCK_TIME_IS_VALID(job->times.running_time)
                               ? job->times.running_time
                               : cbigan_running_time_now(GST_ELEMENT(self));
  *kind = self->events.open ? CBIGAN_EVENT_UPDATE : CBIGAN_EVENT_SCORE;
  if (!stale)
    *kind = cbigan_events_step(&self->events, self->shown.result.normalized, now, tuning->hold * GST_MSECOND);
  self->shown.event_id = self->events.open ? self->events.id : 0;
  if (stale && tuning->updates != CBIGAN_UPDATES_EVERY_FRAME)
    return FALSE;
  return cbigan_events_wanted(&self->events, *kind, tuning->updates, now, tuning->interval * GST_MSECOND);
}

/* A message about the newest result (transfer full). frame: added to the message; NULL = none */
static GstMessage *
new_message(GstCbiganScore *self, CbiganEventKind kind, gboolean stale, const CbiganJob *job, GstBuffer *frame)
{
  const CbiganFrameTimes *times = &job->times;
  GstStructure *s =
      gst_structure_new("cbigan", "event", G_TYPE_STRING, cbigan_event_name(kind), "timestamp", G_TYPE_UINT64,
                        times->timestamp, "stream-time", G_TYPE_UINT64, times->stream_time, "running-time",
                        G_TYPE_UINT64, times->running_time, "duration", G_TYPE_UINT64, times->duration, NULL);
  cbigan_annotation_fields(&self->shown, stale, s);
  if (kind == CBIGAN_EVENT_END)
    gst_structure_set(s, "event-id", G_TYPE_UINT, self->events.id, NULL);
  if (frame) {
    g_autoptr(GstSample) sample = gst_sample_new(frame, job->caps, &job->segment, NULL);
    gst_structure_set(s, "frame", GST_TYPE_SAMPLE, sample, NULL);
    if (self->shown.heatmap)
      gst_structure_set(s, "heatmap", GST_TYPE_SAMPLE, self->shown.heatmap, NULL);
  }
  if (job->tuning.updates == CBIGAN_UPDATES_INTERVAL) {
    g_autoptr(GstStructure) stats = cbigan_stats_get(&self->stats);
    gst_structure_set(s, "stats", GST_TYPE_STRUCTURE, stats, NULL);
  }
  return gst_message_new_element(GST_OBJECT(self), s);
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

gboolean
cbigan_score_deliver(GstCbiganScore *self, const CbiganJob *job, gboolean stale, GstBuffer *out)
{
  CbiganEventKind kind;
  GstMessage *message = NULL;
  g_rec_mutex_lock(&self->posting);
  g_rec_mutex_lock(&self->results);
  const gboolean is_current = job->generation == self->generation;
  if (is_current) {
    if (!stale)
      cbigan_annotation_copy(&self->shown, &self->annotation);
    const gboolean wanted = should_post(self, stale, job, &kind);
    if (out)
      cbigan_score_attach(self, job, stale, out);
    if (wanted) /* last, since a message that holds the buffer makes it read-only */
      message = new_message(self, kind, stale, job, job->tuning.attach_frame ? out : NULL);
  }
  g_rec_mutex_unlock(&self->results);
  if (message)
    gst_element_post_message(GST_ELEMENT(self), message);
  g_rec_mutex_unlock(&self->posting);
  return is_current;
}

void
cbigan_score_finish_events(GstCbiganScore *self)
{
  CbiganJob none = { .times = { GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE } };
  GstMessage *message = NULL;
  GST_OBJECT_LOCK(self);
  none.tuning = self->tuning;
  GST_OBJECT_UNLOCK(self);
  g_rec_mutex_lock(&self->posting);
  g_rec_mutex_lock(&self->results);
  if (cbigan_events_finish(&self->events) && none.tuning.updates != CBIGAN_UPDATES_NONE)
    message = new_message(self, CBIGAN_EVENT_END, TRUE, &none, NULL);
  g_rec_mutex_unlock(&self->results);
  if (message)
    gst_element_post_message(GST_ELEMENT(self), message);
  g_rec_mutex_unlock(&self->posting);
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
