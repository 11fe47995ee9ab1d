/* latency.h - keeping up with a live source: when to skip scoring, and how much delay scoring adds
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All times are running times in ns; GST_CLOCK_TIME_NONE = unknown. None of these functions locks.
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  gboolean live;           /* the source is live, by the last LATENCY query */
  GstClockTime upstream;   /* latency before the element */
  GstClockTime earliest;   /* a sink wants no older frames (QoS); NONE = no such wish */
  GstClockTime scored;     /* time of the last scored frame; NONE = no frame was scored yet */
  gboolean warm;           /* the scorer has run once; its first frame also sets up buffers for later frames */
  GstClockTime processing; /* smoothed time of scoring one frame */
  GstClockTime reported;   /* `processing` in the last answer to a LATENCY query */
} CbiganLatency;

#define CBIGAN_LATENCY_INIT                                                                                            \
  {                                                                                                                    \
    .earliest = GST_CLOCK_TIME_NONE, .scored = GST_CLOCK_TIME_NONE                                                     \
  }

/* Forgets frames and QoS, after a flush or with a new scorer. `live` and the measured times stay. */
void cbigan_latency_reset(CbiganLatency *self);
/* Takes a QoS event into account. */
void cbigan_latency_qos(CbiganLatency *self, GstEvent *event);
/* Whether a frame should pass without being scored. now: by the clock; NONE = the clock does not run yet. Never TRUE
 * where the last result is older than half a second and than four times the scoring time. */
gboolean cbigan_latency_is_late(const CbiganLatency *self, GstClockTime frame, GstClockTime duration, GstClockTime now);
/* Notes that scoring a frame took that long. TRUE: the delay changed so much that the pipeline should ask again. */
gboolean cbigan_latency_scored(CbiganLatency *self, GstClockTime frame, GstClockTime took);
/* Adds the element's delay to an answered LATENCY query, and notes what the answer says about the source. */
void cbigan_latency_answer(CbiganLatency *self, GstQuery *query);

/* The element's running time by its clock; NONE = the element is not PLAYING. */
GstClockTime cbigan_running_time_now(GstElement *element);

G_END_DECLS
