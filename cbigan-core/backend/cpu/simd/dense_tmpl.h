/* dense_tmpl.h - matrix times samples for dense layers, outputs in the lanes; part of simd_channels.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#define DENSE_PIECE 32 /* inputs */

/* Pieces are summed one by one and then together: rounding errors grow with the longest chain of sums. rows: a constant
 * after inlining, so that the sums stay in registers */
INLINE void
multiply_dense(const int rows, gsize in, gsize stride, const float *restrict weights, const float *restrict x,
               float sums[restrict][CBIGAN_DENSE_OUTPUTS])
{
  float sum[CBIGAN_DENSE_ROWS][CBIGAN_DENSE_OUTPUTS] = { 0 };
  for (gsize begin = 0; begin < in; begin += DENSE_PIECE) {
    float piece[CBIGAN_DENSE_ROWS][CBIGAN_DENSE_OUTPUTS] = { 0 };
    for (gsize i = begin; i < MIN(begin + DENSE_PIECE, in); i++, weights += stride)
      for (int row = 0; row < rows; row++)
#pragma omp simd
        for (int lane = 0; lane < CBIGAN_DENSE_OUTPUTS; lane++)
          piece[row][lane] += weights[lane] * x[(gsize)row * in + i];
    for (int row = 0; row < rows; row++)
      for (int lane = 0; lane < CBIGAN_DENSE_OUTPUTS; lane++)
        sum[row][lane] += piece[row][lane];
  }
  memcpy(sums, sum, (gsize)rows * sizeof *sums);
}

static void
dense(int rows, gsize in, gsize stride, const float *weights, const float *x, float sums[][CBIGAN_DENSE_OUTPUTS])
{
  if (rows == CBIGAN_DENSE_ROWS)
    multiply_dense(CBIGAN_DENSE_ROWS, in, stride, weights, x, sums);
  else
    for (int row = 0; row < rows; row++)
      multiply_dense(1, in, stride, weights, x + (gsize)row * in, sums + row);
}
