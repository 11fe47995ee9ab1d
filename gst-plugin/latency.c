/* latency.c - keeping up with a live source
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "latency.h"

#define SMOOTHING 8 /* frames, about */
#define LONGEST_CARRY (GST_SECOND / 2)
#define SMALLEST_SLACK (20 * GST_MSECOND) /* lateness that the jitter of a camera explains */

void
cbigan_latency_reset(CbiganLatency *self)
{
  self->earliest = self->scored = GST_CLOCK_TIME_NONE;
  self->warm = FALSE;
}

void
cbigan_latency_qos(CbiganLatency *self, GstEvent *event)
{
  GstClockTimeDiff jitter;
  GstClockTime frame;
  gst_event_parse_qos(event, NULL, NULL, &jitter, &frame);
  if (!GST_CLOCK_TIME_IS_VALID(frame) || (jitter < 0 && (GstClockTime)-jitter > frame))
    self->earliest = GST_CLOCK_TIME_NONE;
  else
    self->earliest = frame + (GstClockTime)(jitter > 0 ? 2 * jitter : jitter); /* twice, to catch up */
}

gboolean
cbigan_latency_is_late(const CbiganLatency *self, GstClockTime frame, GstClockTime duration, GstClockTime now)
{
  if (!self->live || !GST_CLOCK_TIME_IS_VALID(frame) || !GST_CLOCK_TIME_IS_VALID(self->scored))
    return FALSE;
  if (frame < self->scored || frame - self->scored >= MAX(LONGEST_CARRY, 4 * self->processing))
    return FALSE;
  if (GST_CLOCK_TIME_IS_VALID(self->earliest) && frame <= self->earliest)
    return TRUE;
  GstClockTime slack = GST_CLOCK_TIME_IS_VALID(duration) ? MAX(duration, SMALLEST_SLACK) : SMALLEST_SLACK;
  return GST_CLOCK_TIME_IS_VALID(now) && now > frame + self->upstream + slack;
}

gboolean
cbigan_latency_scored(CbiganLatency *self, GstClockTime frame, GstClockTime took)
{
  self->scored = frame;
  if (!self->warm) {
    self->warm = TRUE;
    return FALSE;
  }
  if (!self->processing)
    self->processing = took;
  else
    self->processing += (GstClockTime)(((GstClockTimeDiff)took - (GstClockTimeDiff)self->processing) / SMOOTHING);
  GstClockTime change =
      self->processing > self->reported ? self->processing - self->reported : self->reported - self->processing;
  return self->live && change > MAX(self->reported / 4, GST_MSECOND);
}

void
cbigan_latency_answer(CbiganLatency *self, GstQuery *query)
{
  GstClockTime min, max;
  gst_query_parse_latency(query, &self->live, &min, &max);
  self->upstream = min;
  self->reported = self->processing;
  if (GST_CLOCK_TIME_IS_VALID(max))
    max += self->processing;
  gst_query_set_latency(query, self->live, min + self->processing, max);
}

GstClockTime
cbigan_running_time_now(GstElement *element)
{
  g_autoptr(GstClock) clock = GST_STATE(element) == GST_STATE_PLAYING ? gst_element_get_clock(element) : NULL;
  GstClockTime base = gst_element_get_base_time(element), now = clock ? gst_clock_get_time(clock) : 0;
  return clock && now >= base ? now - base : GST_CLOCK_TIME_NONE;
}
