/* latency.c - keeping up with a live source
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "latency.h"

#include "score_stats.h"

#define SMOOTHING 8     /* frames, about */
#define FEWEST_FRAMES 4 /* that may decide on the delay */
#define LONGEST_MEASUREMENT GST_SECOND
#define LONGEST_CARRY (GST_SECOND / 2)
#define SMALLEST_SLACK (20 * GST_MSECOND) /* lateness that the jitter of a camera explains */

void
cbigan_latency_reset(CbiganLatency *self)
{
  self->earliest = self->scored = GST_CLOCK_TIME_NONE;
}

void
cbigan_latency_restart(CbiganLatency *self)
{
  cbigan_latency_reset(self);
  self->warm = FALSE;
  self->n_measured = 0;
  self->decided = FALSE;
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
  if (self->decided)
    return FALSE;
  if (!self->n_measured)
    self->began = frame;
  self->measured[self->n_measured++] = took;
  const gboolean is_slow = self->n_measured >= FEWEST_FRAMES && GST_CLOCK_TIME_IS_VALID(frame) &&
                           GST_CLOCK_TIME_IS_VALID(self->began) && frame >= self->began + LONGEST_MEASUREMENT;
  self->decided = is_slow || self->n_measured == CBIGAN_LATENCY_FRAMES;
  if (self->decided)
    self->delay = cbigan_quantile(self->measured, self->n_measured, 0.95);
  return self->decided;
}

void
cbigan_latency_learn(CbiganLatency *self, GstQuery *query)
{
  gst_query_parse_latency(query, &self->live, &self->upstream, NULL);
}

void
cbigan_latency_answer(const CbiganLatency *self, GstQuery *query)
{
  gboolean live;
  GstClockTime min, max;
  gst_query_parse_latency(query, &live, &min, &max);
  gst_query_set_latency(query, live, min + self->delay, GST_CLOCK_TIME_IS_VALID(max) ? max + self->delay : max);
}

gboolean
cbigan_pace_wants(CbiganPace *self, guint interval, double rate, GstClockTime now, GstClockTime duration)
{
  if (self->passed && self->passed < interval) {
    self->passed++;
    return FALSE;
  }
  if (rate > 0 && GST_CLOCK_TIME_IS_VALID(now)) {
    const GstClockTime period = (GstClockTime)MIN(GST_SECOND / rate, 1e18);
    /* Half a frame early counts as due. Otherwise rounding would lose every other frame. */
    const GstClockTime slack = GST_CLOCK_TIME_IS_VALID(duration) ? MIN(duration, period) / 2 : 0;
    const gboolean counts = self->passed && now + period >= self->next; /* else time or rate have jumped */
    if (counts && now + slack < self->next)
      return FALSE;
    self->next = counts && self->next + period > now ? self->next + period : now + period;
  }
  self->passed = 1;
  return TRUE;
}

GstClockTime
cbigan_running_time_now(GstElement *element)
{
  g_autoptr(GstClock) clock = GST_STATE(element) == GST_STATE_PLAYING ? gst_element_get_clock(element) : NULL;
  GstClockTime base = gst_element_get_base_time(element), now = clock ? gst_clock_get_time(clock) : 0;
  return clock && now >= base ? now - base : GST_CLOCK_TIME_NONE;
}
