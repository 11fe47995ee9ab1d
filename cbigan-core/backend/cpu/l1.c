/* l1.c - sum of absolute differences of each sample (Eq. 9, 11)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cpu.h"

#include <math.h>

#include "wide.h"

#define PIECE 1024 /* summed in float, which the compiler turns into vectors; pieces in double */

CBIGAN_WIDE static float
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

void
cbigan_cpu_l1(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference, double *sums)
{
#pragma omp parallel for num_threads(cbigan_cpu_team(self)) if (n * size > 65536)
  for (int i = 0; i < n; i++) {
    double sum = 0;
    for (gsize k = 0; k < size; k += PIECE) {
      gsize at = (gsize)i * size + k, some = MIN(PIECE, size - k);
      sum += (double)piece_sum(some, a + at, b + at);
      if (difference)
        subtract(some, a + at, b + at, difference + at);
    }
    sums[i] = sum;
  }
}
