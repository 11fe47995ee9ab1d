/* threshold.c - a threshold from good pictures alone
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every score is the largest value of many positions or patches. Such maxima follow a generalized extreme value
 * distribution. Its parameters come from L-moments (Hosking, Wallis and Wood 1985): with a few dozen pictures they are
 * steadier than ordinary moments, and one odd picture weighs less. The shape is what they know least, so few pictures'
 * shape is drawn towards 0, that of a Gumbel distribution, which values have that fall off as a Gaussian or an
 * exponential.
 *
 * Ten pictures have ten largest values, but many places each. So few pictures' thresholds come from their highest
 * places together: those over a level exceed it by exponentially distributed amounts (Pickands 1975, shape 0), and as
 * many as exceed it per picture decide how often one of them exceeds a threshold. Where good pictures have heavier
 * tails, that is too low, so no more of them than wanted are over the threshold.
 */
#include "calibration.h"

#include <math.h>
#include <stdlib.h>

#define ENOUGH 5.0        /* scores over the threshold from which on the empirical quantile is trusted */
#define SHAPE_SCORES 40.0 /* of so many scores, half of the shape that they have is believed */
#define LARGEST_SHAPE 0.5
#define PEAKS_PER_PICTURE 4
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

/* The shape of the distribution, above 0 where it is bounded. moments: the first three weighted ones */
static double
find_shape(const double moments[3], guint n)
{
  const double beyond = 3.0 * moments[2] - moments[0];
  if (beyond <= 0.0)
    return 0.0; /* all scores are equal */
  const double c = (2.0 * moments[1] - moments[0]) / beyond - G_LN2 / log(3.0);
  const double shape = 7.8590 * c + 2.9554 * c * c;
  return CLAMP(shape * n / (n + SHAPE_SCORES), -LARGEST_SHAPE, LARGEST_SHAPE);
}

/* sorted: [n], n at least 3 */
static double
extreme_quantile(const double *sorted, guint n, double p)
{
  double moments[3] = { 0.0 };
  for (guint i = 0; i < n; i++) {
    const double first = i / (n - 1.0), second = first * (i - 1.0) / (n - 2.0);
    moments[0] += sorted[i] / n;
    moments[1] += sorted[i] * first / n;
    moments[2] += sorted[i] * second / n;
  }
  const double k = find_shape(moments, n), spread = 2.0 * moments[1] - moments[0];
  if (fabs(k) < 1e-6)
    return moments[0] + spread / G_LN2 * (-EULER - log(-log(p)));
  const double gamma = tgamma(1.0 + k), scale = spread / (gamma * -expm1(-k * G_LN2));
  return moments[0] + scale * (gamma - exp(k * log(-log(p))));
}

double
cbigan_threshold_for(const double *good_scores, guint n, double false_alarms)
{
  g_return_val_if_fail(good_scores && n >= 1, NAN);
  g_autofree double *sorted = g_memdup2(good_scores, sizeof *sorted * n);
  qsort(sorted, n, sizeof *sorted, compare);
  /* no false alarms: as rare as one in twenty times as many pictures */
  double share = MAX(false_alarms, 1.0 / (20.0 * n));
  double threshold = n < 3 || n * share >= ENOUGH ? empirical_quantile(sorted, n, 1.0 - share)
                                                  : extreme_quantile(sorted, n, 1.0 - share);
  if (false_alarms <= 0.0)
    threshold = MAX(threshold, sorted[n - 1]);
  return MAX(threshold, 0.0);
}

static int
descending(const void *a, const void *b)
{
  return compare(b, a);
}

double
cbigan_threshold_for_few(const double *values, const double *peaks, guint each, guint n, double false_alarms)
{
  const guint all = n * each;
  g_return_val_if_fail(values && peaks && n >= 1 && each > PEAKS_PER_PICTURE, NAN);
  g_autofree double *sorted = g_memdup2(peaks, sizeof *sorted * all);
  double beyond = 0.0, excess = 0.0;
  for (guint i = 0; i < n; i++) {
    double highest = peaks[i * each];
    for (guint k = 1; k < each; k++)
      highest = MAX(highest, peaks[i * each + k]);
    beyond += (values[i] - highest) / n;
  }
  qsort(sorted, all, sizeof *sorted, descending);
  guint found = all; /* without missing places */
  while (found > 1 && sorted[found - 1] <= (double)-G_MAXFLOAT)
    found--;
  const guint exceeding = MIN(PEAKS_PER_PICTURE * n, found - 1);
  for (guint i = 0; i < exceeding; i++)
    excess += (sorted[i] - sorted[exceeding]) / exceeding;
  const double share = MAX(false_alarms, 1.0 / (20.0 * n));
  const double tail = sorted[exceeding] + excess * log((double)exceeding / n / -log1p(-share)) + beyond;
  g_autofree double *largest = g_memdup2(values, sizeof *values * n);
  qsort(largest, n, sizeof *largest, descending);
  return MAX(tail, largest[MIN((guint)(share * n), n - 1)]);
}
