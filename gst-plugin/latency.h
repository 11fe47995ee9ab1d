/* latency.h - keeping up with a live source: when to skip scoring, and how much delay scoring adds
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All times are running times. Not locked: the element does that.
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  gboolean live;           /* as the last LATENCY query said */
  GstClockTime upstream;   /* latency before the element */
  GstClockTime earliest;   /* a sink asked for nothing older (QoS); NONE = did not ask */
  GstClockTime scored;     /* last frame that was scored; NONE = none yet */
  gboolean warm;           /* the scorer has run once: its first frame sets up what the others reuse */
  GstClockTime processing; /* smoothed time of scoring one frame */
  GstClockTime reported;   /* what the last LATENCY query was told */
} CbiganPace;

#define CBIGAN_PACE_INIT                                                                                               \
  {                                                                                                                    \
    .earliest = GST_CLOCK_TIME_NONE, .scored = GST_CLOCK_TIME_NONE                                                     \
  }

/* After a flush or a new scorer; `live` and the measured times stay. */
void cbigan_pace_reset(CbiganPace *self);
/* Takes a QoS event's word. */
void cbigan_pace_qos(CbiganPace *self, GstEvent *event);
/* Whether a frame should be passed on without being scored. now: by the clock; NONE = not running yet.
 * Never for so long that the result is older than half a second and four times what scoring takes. */
gboolean cbigan_pace_is_late(const CbiganPace *self, GstClockTime frame, GstClockTime duration, GstClockTime now);
/* A frame was scored in so long. TRUE: the delay changed enough for the pipeline to ask for it again. */
gboolean cbigan_pace_scored(CbiganPace *self, GstClockTime frame, GstClockTime took);
/* Adds this element's delay to an answered LATENCY query, and learns from it. */
void cbigan_pace_answer(CbiganPace *self, GstQuery *query);

G_END_DECLS
