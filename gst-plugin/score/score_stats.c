/* score_stats.c - what an element has done with its frames, and how long scoring takes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_WINDOW (5 * G_USEC_PER_SEC) /* of the scores per second */

static int
compare_times(const void *a, const void *b)
{
  const GstClockTime x = *(const GstClockTime *)a, y = *(const GstClockTime *)b;
  return (x > y) - (x < y);
}

GstClockTime
cbigan_quantile(GstClockTime *times, guint n, double part)
{
  qsort(times, n, sizeof *times, compare_times);
  const guint rank = (guint)ceil(part * n);
  return times[CLAMP(rank, 1, n) - 1];
}

void
cbigan_stats_init(CbiganStats *self)
{
  memset(self, 0, sizeof *self);
  g_mutex_init(&self->lock);
}

void
cbigan_stats_clear(CbiganStats *self)
{
  g_clear_pointer(&self->model, g_free);
  g_mutex_clear(&self->lock);
}

void
cbigan_stats_reset(CbiganStats *self)
{
  g_mutex_lock(&self->lock);
  memset(self->counts, 0, sizeof self->counts);
  self->scored = 0;
  g_mutex_unlock(&self->lock);
}

void
cbigan_stats_count(CbiganStats *self, CbiganCount count)
{
  g_mutex_lock(&self->lock);
  self->counts[count]++;
  g_mutex_unlock(&self->lock);
}

void
cbigan_stats_scored(CbiganStats *self, GstClockTime took, guint streams)
{
  const gint64 now = g_get_monotonic_time();
  g_mutex_lock(&self->lock);
  if (!self->scored)
    self->started = now - (gint64)(took / GST_USECOND);
  self->took[self->scored % CBIGAN_STATS_WINDOW] = took;
  self->ended[self->scored % CBIGAN_STATS_WINDOW] = now;
  self->scored++;
  self->streams = streams;
  g_mutex_unlock(&self->lock);
}

void
cbigan_stats_set_session(CbiganStats *self, const char *model, const char *backend, const char *precision)
{
  g_mutex_lock(&self->lock);
  g_free(self->model);
  self->model = g_strdup(model);
  self->backend = backend;
  self->precision = precision;
  g_mutex_unlock(&self->lock);
}

/* Scores per second in the last seconds; 0 = none. Where the ring reaches less far back, that of the whole ring. */
static double
rate(const CbiganStats *self, gint64 now)
{
  const guint kept = (guint)MIN(self->scored, CBIGAN_STATS_WINDOW);
  guint n = 0;
  for (guint i = 0; i < kept; i++)
    n += self->ended[i] > now - RATE_WINDOW;
  gint64 time = MIN(RATE_WINDOW, now - self->started);
  if (n == CBIGAN_STATS_WINDOW)
    time = now - self->ended[self->scored % CBIGAN_STATS_WINDOW]; /* the oldest one only marks the begin */
  return n && time > 0 ? (n - (n == CBIGAN_STATS_WINDOW)) * (double)G_USEC_PER_SEC / (double)time : 0;
}

GstStructure *
cbigan_stats_get(CbiganStats *self)
{
  GstClockTime times[CBIGAN_STATS_WINDOW], quantiles[3] = { 0 };
  static const double parts[3] = { 0.5, 0.95, 0.99 };
  g_mutex_lock(&self->lock);
  const guint kept = (guint)MIN(self->scored, CBIGAN_STATS_WINDOW);
  memcpy(times, self->took, sizeof times);
  for (guint i = 0; kept && i < 3; i++)
    quantiles[i] = cbigan_quantile(times, kept, parts[i]);
  GstStructure *stats = gst_structure_new(
      "stats", "frames", G_TYPE_UINT64, self->counts[CBIGAN_COUNT_FRAMES], "scored", G_TYPE_UINT64, self->scored,
      "carried", G_TYPE_UINT64, self->counts[CBIGAN_COUNT_CARRIED], "dropped", G_TYPE_UINT64,
      self->counts[CBIGAN_COUNT_DROPPED], "p50", G_TYPE_UINT64, quantiles[0], "p95", G_TYPE_UINT64, quantiles[1], "p99",
      G_TYPE_UINT64, quantiles[2], "scores-per-second", G_TYPE_DOUBLE, rate(self, g_get_monotonic_time()), "backend",
      G_TYPE_STRING, self->backend, "precision", G_TYPE_STRING, self->precision, "model", G_TYPE_STRING, self->model,
      "streams", G_TYPE_UINT, self->streams, NULL);
  g_mutex_unlock(&self->lock);
  return stats;
}
