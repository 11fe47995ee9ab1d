/* bench.h - what the measurements in C share: quantiles, and pixels to score
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>
#include <math.h>
#include <stdlib.h>

static inline int
bench_compare(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The number below which `share` of the n numbers lie; 0.5 = the median. Sorts x. NAN if there are none. */
static inline double
bench_quantile(double *x, gsize n, double share)
{
  qsort(x, n, sizeof *x, bench_compare);
  return n ? x[(gsize)(share * (double)(n - 1) + 0.5)] : (double)NAN;
}

/* (transfer full) n bytes by chance, the same in every run; peer_loop.py's frame() makes them too. */
static inline guint8 *
bench_pixels(gsize n)
{
  guint8 *pixels = g_malloc(n);
  guint32 state = 1;
  for (gsize i = 0; i < n; i++)
    pixels[i] = (guint8)((state = state * 1664525u + 1013904223u) >> 24);
  return pixels;
}
