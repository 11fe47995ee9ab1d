/* histogram.h - quantiles of many numbers, from counts
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

#define CBIGAN_HISTOGRAM_BINS 4096

/* Counts of numbers from least to most; numbers beyond count as these. Set least and most, and the rest to zero. */
typedef struct {
  double least, most;
  guint n, counts[CBIGAN_HISTOGRAM_BINS];
} CbiganHistogram;

void cbigan_histogram_add(CbiganHistogram *self, const double *x, int n);
/* Adds x - from, or how far x lies from there. */
void cbigan_histogram_add_floats(CbiganHistogram *self, const float *x, int n, double from, gboolean distance);
/* Adds the counts of another one with the same least and most. */
void cbigan_histogram_merge(CbiganHistogram *self, const CbiganHistogram *other);
/* The number below which a share of all lies, exact to the width of a bin. */
double cbigan_histogram_quantile(const CbiganHistogram *self, double share);

/* The mean of the numbers between their quartiles. Unlike the median, numbers in two heaps of the same size do not make
 * it jump from one to the other. */
double cbigan_histogram_middle(const CbiganHistogram *self);

G_END_DECLS
