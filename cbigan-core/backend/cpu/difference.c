/* difference.c - difference of two batches, and the sum of its absolute values per sample (Eq. 9, 11)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "context.h"

#include <math.h>

#include "multiversion.h"

#define PIECE 1024 /* Numbers summed in float, which the compiler turns into vectors; pieces are summed in double. */

CBIGAN_WIDE_SUM static float
piece_sum(gsize n, const float *restrict a, const float *restrict b)
{
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (gsize i = 0; i < n; i++)
    sum += fabsf(a[i] - b[i]);
  return sum;
}

CBIGAN_WIDE static void
subtract(gsize n, const float *restrict a, const float *restrict b, float *restrict difference)
{
  for (gsize i = 0; i < n; i++)
    difference[i] = a[i] - b[i];
}

typedef struct {
  gsize size;
  const float *a, *b;
  float *difference; /* or NULL */
  double *sums;      /* or NULL */
} Samples;

static void
sum_samples(gpointer data, int first, int end)
{
  const Samples *s = data;
  for (int i = first; i < end; i++) {
    double sum = 0;
    for (gsize k = 0; k < s->size; k += PIECE) {
      gsize at = (gsize)i * s->size + k, some = MIN(PIECE, s->size - k);
      if (s->sums)
        sum += (double)piece_sum(some, s->a + at, s->b + at);
      if (s->difference)
        subtract(some, s->a + at, s->b + at, s->difference + at);
    }
    if (s->sums)
      s->sums[i] = sum;
  }
}

void
cbigan_cpu_difference(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                      double *sums)
{
  Samples samples = { size, a, b, difference, sums };
  cbigan_backend_each(self, n, (gsize)n * size, sum_samples, &samples);
}
