/* threshold.c - a threshold from good pictures alone
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every score is the largest value of many positions or patches. Such maxima follow a Gumbel distribution if the
 * values' distribution falls off as a Gaussian or an exponential. Its two parameters come from L-moments (Hosking
 * 1990): with a few dozen pictures they are steadier than mean and variance, and one odd picture weighs less.
 */
#include "calibration.h"

#include <math.h>
#include <stdlib.h>

#define ENOUGH 5.0 /* scores over the threshold from which on the empirical quantile is trusted */
#define EULER 0.57721566490153286

static int
compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double
empirical_quantile(const double *sorted, guint n, double p)
{
  double at = p * (n - 1);
  guint below = MIN((guint)at, n - 1), above = MIN(below + 1, n - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

static double
gumbel_quantile(const double *sorted, guint n, double p)
{
  double mean = 0.0, weighted = 0.0;
  for (guint i = 0; i < n; i++) {
    mean += sorted[i] / n;
    weighted += sorted[i] * i / ((double)(n - 1) * n);
  }
  double scale = (2.0 * weighted - mean) / G_LN2, location = mean - EULER * scale;
  return location - scale * log(-log(p));
}

double
cbigan_threshold_for(const double *good_scores, guint n, double false_alarms)
{
  g_return_val_if_fail(good_scores && n >= 1, NAN);
  g_autofree double *sorted = g_memdup2(good_scores, sizeof *sorted * n);
  qsort(sorted, n, sizeof *sorted, compare);
  /* no false alarms: as rare as one in twenty times as many pictures */
  double share = MAX(false_alarms, 1.0 / (20.0 * n));
  double threshold = n < 2 || n * share >= ENOUGH ? empirical_quantile(sorted, n, 1.0 - share)
                                                  : gumbel_quantile(sorted, n, 1.0 - share);
  return MAX(threshold, 0.0);
}

/* The reduced variate of a Gumbel distribution */
static double
reduced(double p)
{
  return -log(-log(p));
}

double
cbigan_threshold_for_few(const double *good_values, guint n, double false_alarms)
{
  g_return_val_if_fail(good_values && n >= 3, NAN);
  g_autofree double *sorted = g_memdup2(good_values, sizeof *sorted * n);
  const guint kept = n - 1;
  double x = 0.0, y = 0.0, xx = 0.0, xy = 0.0;
  qsort(sorted, n, sizeof *sorted, compare);
  for (guint i = 0; i < kept; i++) { /* a line through Gringorten's plotting positions (1963) */
    const double at = reduced((i + 0.56) / (n + 0.12));
    x += at / kept;
    y += sorted[i] / kept;
    xx += at * at / kept;
    xy += at * sorted[i] / kept;
  }
  const double scale = (xy - x * y) / (xx - x * x), share = MAX(false_alarms, 1.0 / (20.0 * n));
  return y + scale * (reduced(1.0 - share) - x);
}
