/* histogram.c - quantiles of many numbers, from counts
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "histogram.h"

#include <math.h>

#include "multiversion.h"

#define CHUNK 256 /* numbers whose bins are found at once */

/* scale: bins per unit. A division by the range instead would give the same bins of floats, in three times the time. */
CBIGAN_WIDE static void
find_bins(const double *restrict x, int n, double least, double scale, int *restrict bins)
{
  const double last = CBIGAN_HISTOGRAM_BINS - 1;
  for (int i = 0; i < n; i++) {
    double at = (x[i] - least) * scale;
    at = at > 0.0 ? at : 0.0;
    bins[i] = (int)(at < last ? at : last);
  }
}

/* The same of x - from, or of how far x lies from there */
CBIGAN_WIDE static void
find_bins_of_floats(const float *restrict x, int n, double from, gboolean distance, double least, double scale,
                    int *restrict bins)
{
  const double last = CBIGAN_HISTOGRAM_BINS - 1;
  for (int i = 0; i < n; i++) {
    const double off = (double)x[i] - from;
    double at = ((distance ? fabs(off) : off) - least) * scale;
    at = at > 0.0 ? at : 0.0;
    bins[i] = (int)(at < last ? at : last);
  }
}

static double
bins_per_unit(const CbiganHistogram *self)
{
  return CBIGAN_HISTOGRAM_BINS / (self->most - self->least);
}

static void
count(CbiganHistogram *self, const int *bins, int n)
{
  int i = 0;
  for (; i + 4 <= n; i += 4) { /* unrolled: a quarter faster */
    self->counts[bins[i]]++;
    self->counts[bins[i + 1]]++;
    self->counts[bins[i + 2]]++;
    self->counts[bins[i + 3]]++;
  }
  for (; i < n; i++)
    self->counts[bins[i]]++;
  self->n += (guint)n;
}

void
cbigan_histogram_add(CbiganHistogram *self, const double *x, int n)
{
  int bins[CHUNK];
  for (int at = 0; at < n; at += CHUNK) {
    const int some = MIN(CHUNK, n - at);
    find_bins(x + at, some, self->least, bins_per_unit(self), bins);
    count(self, bins, some);
  }
}

void
cbigan_histogram_add_floats(CbiganHistogram *self, const float *x, int n, double from, gboolean distance)
{
  int bins[CHUNK];
  for (int at = 0; at < n; at += CHUNK) {
    const int some = MIN(CHUNK, n - at);
    find_bins_of_floats(x + at, some, from, distance, self->least, bins_per_unit(self), bins);
    count(self, bins, some);
  }
}

void
cbigan_histogram_merge(CbiganHistogram *self, const CbiganHistogram *other)
{
  self->n += other->n;
  for (int i = 0; i < CBIGAN_HISTOGRAM_BINS; i++)
    self->counts[i] += other->counts[i];
}

double
cbigan_histogram_quantile(const CbiganHistogram *self, double share)
{
  double below = 0.0, wanted = share * self->n;
  for (int i = 0; i < CBIGAN_HISTOGRAM_BINS; i++) {
    if (self->counts[i] && below + self->counts[i] >= wanted)
      return self->least +
             (self->most - self->least) * (i + (wanted - below) / self->counts[i]) / CBIGAN_HISTOGRAM_BINS;
    below += self->counts[i];
  }
  return self->most;
}

double
cbigan_histogram_middle(const CbiganHistogram *self)
{
  const double first = 0.25 * self->n, end = 0.75 * self->n;
  double below = 0.0, sum = 0.0;
  for (int i = 0; i < CBIGAN_HISTOGRAM_BINS; i++) {
    const double count = self->counts[i], from = MAX(below, first), to = MIN(below + count, end);
    if (to > from)
      sum += (to - from) * (i + ((from + to) / 2.0 - below) / count);
    below += count;
  }
  return self->least + (self->most - self->least) * sum / (end - first) / CBIGAN_HISTOGRAM_BINS;
}
