/* latency.h - keeping up with a live source: which frames to score, and how much delay scoring adds
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All times are running times in ns; GST_CLOCK_TIME_NONE = unknown. None of these functions locks.
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

/* Frames that decide on the delay, at most: the smallest number of which the quantile leaves one outlier out. A slow
 * scorer decides after fewer frames, since its frames come late until then. */
#define CBIGAN_LATENCY_FRAMES 20

typedef struct {
  gboolean live;           /* the source is live, by the last LATENCY query */
  GstClockTime upstream;   /* latency before the element */
  GstClockTime earliest;   /* a sink wants no older frames (QoS); NONE = no such wish */
  GstClockTime scored;     /* time of the last scored frame; NONE = no frame was scored yet */
  gboolean warm;           /* the scorer has run once; its first frame also sets up buffers for later frames */
  GstClockTime processing; /* smoothed time of scoring one frame */
  /* times of scoring, measured once to decide on `delay` */
  GstClockTime measured[CBIGAN_LATENCY_FRAMES];
  guint n_measured;
  GstClockTime began; /* running time of the first measured frame */
  gboolean decided;
  GstClockTime delay; /* what the element adds where frames wait for their score; 0 = not decided yet */
} CbiganLatency;

#define CBIGAN_LATENCY_INIT                                                                                            \
  {                                                                                                                    \
    .earliest = GST_CLOCK_TIME_NONE, .scored = GST_CLOCK_TIME_NONE                                                     \
  }

/* Forgets frames and QoS, after a flush. `live` and the measured times stay. */
void cbigan_latency_reset(CbiganLatency *self);
/* As cbigan_latency_reset(), and measures again, with a new scorer. The old delay stays until then. */
void cbigan_latency_restart(CbiganLatency *self);
/* Takes a QoS event into account. */
void cbigan_latency_qos(CbiganLatency *self, GstEvent *event);
/* Whether a frame should pass without being scored. now: by the clock; NONE = the clock does not run yet. Never TRUE
 * where the last result is older than half a second and than four times the scoring time. */
gboolean cbigan_latency_is_late(const CbiganLatency *self, GstClockTime frame, GstClockTime duration, GstClockTime now);
/* Notes that scoring a frame took that long. TRUE: the delay has been decided. This happens once, as a pipeline whose
 * delay changes often stutters. The delay is the 95 % quantile of the measured times. */
gboolean cbigan_latency_scored(CbiganLatency *self, GstClockTime frame, GstClockTime took);
/* Notes what an answered LATENCY query says about the source. */
void cbigan_latency_learn(CbiganLatency *self, GstQuery *query);
/* Adds the element's delay to an answered LATENCY query. */
void cbigan_latency_answer(const CbiganLatency *self, GstQuery *query);

/* Which frames the user wants scored. Zeroed = before the first frame. */
typedef struct {
  guint passed;      /* frames since the last wanted one, with that one; 0 = there was none */
  GstClockTime next; /* time of the next frame by `rate` */
} CbiganPace;

/* Whether to score the next frame: at most every n-th one with n = interval, and `rate` per second on average (0 = no
 * limit). now, duration: of the frame. The first frame is always wanted. */
gboolean cbigan_pace_wants(CbiganPace *self, guint interval, double rate, GstClockTime now, GstClockTime duration);

/* The element's running time by its clock; NONE = the element is not PLAYING. */
GstClockTime cbigan_running_time_now(GstElement *element);

G_END_DECLS
