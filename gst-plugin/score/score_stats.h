/* score_stats.h - what an element has done with its frames, and how long scoring takes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a figure: a field here, the line that counts it, and its line in cbigan_stats_get() and in the SECTION page of
 * cbiganscore. All functions lock for themselves and may be called from any thread.
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

#define CBIGAN_STATS_WINDOW 256 /* scores that the quantiles are of, the newest ones */

typedef enum {
  CBIGAN_COUNT_FRAMES,  /* frames that passed */
  CBIGAN_COUNT_CARRIED, /* of these, with the result of an earlier frame */
  CBIGAN_COUNT_DROPPED, /* frames that waited for the worker and were not scored */
  CBIGAN_N_COUNTS
} CbiganCount;

typedef struct {
  GMutex lock;
  /* under the lock */
  guint64 counts[CBIGAN_N_COUNTS], scored;
  GstClockTime took[CBIGAN_STATS_WINDOW]; /* rings; entry i % CBIGAN_STATS_WINDOW is that of score i */
  gint64 ended[CBIGAN_STATS_WINDOW];      /* monotonic time, us */
  gint64 started;                         /* monotonic time of the first score's begin, us */
  char *model;                            /* path; NULL = no model was in use yet */
  const char *backend, *precision;        /* names, static */
  guint streams; /* that had their networks together when the last frame was scored, with this one */
} CbiganStats;

void cbigan_stats_init(CbiganStats *self);
void cbigan_stats_clear(CbiganStats *self);
/* Sets all counts and times back, at the start of a stream. */
void cbigan_stats_reset(CbiganStats *self);
void cbigan_stats_count(CbiganStats *self, CbiganCount count);
/* Notes that a frame was scored just now, in so many ns. streams: that have their networks together */
void cbigan_stats_scored(CbiganStats *self, GstClockTime took, guint streams);
/* Notes what scores from now on. model: path, copied; backend, precision: static strings. */
void cbigan_stats_set_session(CbiganStats *self, const char *model, const char *backend, const char *precision);
/* All figures, named `stats` (transfer full). */
GstStructure *cbigan_stats_get(CbiganStats *self);

/* The smallest of n times that is not below the share `part` (0..1) of them. n: 1 or more. Sorts the times. */
GstClockTime cbigan_quantile(GstClockTime *times, guint n, double part);

G_END_DECLS
