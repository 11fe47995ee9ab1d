/* score_messages.c - the messages of cbiganscore on the bus
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a field that buffers carry too: cbigan_annotation_fields(). Fields of messages alone: cbigan_score_post().
 */
#include "score_element.h"

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

gboolean
cbigan_score_should_post(GstCbiganScore *self, gboolean stale, const CbiganTuning *tuning,
                         const CbiganFrameTimes *times, CbiganEventKind *kind)
{
  /* Without timestamps the clock tells how much time has passed. */
  const GstClockTime now =
      GST_CLOCK_TIME_IS_VALID(times->running_time) ? times->running_time : cbigan_running_time_now(GST_ELEMENT(self));
  *kind = self->events.open ? CBIGAN_EVENT_UPDATE : CBIGAN_EVENT_SCORE;
  if (!stale)
    *kind = cbigan_events_step(&self->events, self->annotation.result.normalized, now, tuning->hold * GST_MSECOND);
  self->annotation.event_id = self->events.open ? self->events.id : 0;
  if (stale && tuning->updates != CBIGAN_UPDATES_EVERY_FRAME)
    return FALSE;
  return cbigan_events_wanted(&self->events, *kind, tuning->updates, now, tuning->interval * GST_MSECOND);
}

void
cbigan_score_post(GstCbiganScore *self, CbiganEventKind kind, gboolean stale, const CbiganFrameTimes *times,
                  GstBuffer *frame)
{
  GstStructure *s =
      gst_structure_new("cbigan", "event", G_TYPE_STRING, cbigan_event_name(kind), "timestamp", G_TYPE_UINT64,
                        times->timestamp, "stream-time", G_TYPE_UINT64, times->stream_time, "running-time",
                        G_TYPE_UINT64, times->running_time, "duration", G_TYPE_UINT64, times->duration, NULL);
  cbigan_annotation_fields(&self->annotation, stale, s);
  if (kind == CBIGAN_EVENT_END)
    gst_structure_set(s, "event-id", G_TYPE_UINT, self->events.id, NULL);
  if (frame) {
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(self));
    g_autoptr(GstSample) sample = gst_sample_new(frame, caps, &GST_BASE_TRANSFORM(self)->segment, NULL);
    gst_structure_set(s, "frame", GST_TYPE_SAMPLE, sample, NULL);
    if (self->annotation.heatmap)
      gst_structure_set(s, "heatmap", GST_TYPE_SAMPLE, self->annotation.heatmap, NULL);
  }
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), s));
}

void
cbigan_score_finish_events(GstCbiganScore *self)
{
  const CbiganFrameTimes unknown = { GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE,
                                     GST_CLOCK_TIME_NONE };
  GST_OBJECT_LOCK(self);
  gboolean wanted = self->tuning.updates != CBIGAN_UPDATES_NONE;
  GST_OBJECT_UNLOCK(self);
  if (cbigan_events_finish(&self->events) && wanted)
    cbigan_score_post(self, CBIGAN_EVENT_END, TRUE, &unknown, NULL);
}
