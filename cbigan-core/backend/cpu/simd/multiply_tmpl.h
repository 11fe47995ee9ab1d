/* multiply_tmpl.h - a small matrix times columns of vectors, all sums in registers; part of simd_patches.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 1x1 convolutions, dense layers and the products of Winograd's transforms are all computed here.
 */
#pragma once
#include "vector_tmpl.h"

typedef struct {
  const float *weights; /* [channel of all sources][output], or cells of two channels */
  const CbiganCpuSource *sources;
  int n_sources;
  const float *bias; /* or NULL */
  gboolean accumulate;
  float slope; /* 1 = linear */
  float *out;  /* (outputs, plane apart) */
  gsize plane;
} Product;

/* clang-format takes UNROLL for a statement. */
/* clang-format off */

/* sum += weights * channels [x, x + n) of a source; outputs, vectors: constants. Returns the weights that
 * follow. */
INLINE const float *
add_source(const int outputs, const int vectors, const float *x, gsize plane, int n, const float *weights,
           Vector sum[8][4 * PARTS])
{
#if BF16
  for (int i = 0; i < n; i += 2, x += 2 * plane, weights += outputs)
    UNROLL for (int v = 0; v < vectors; v++) {
      const Vector none = { 0 };
      const Pairs both = pair(((const Vector *)x)[v], i + 1 < n ? ((const Vector *)(x + plane))[v] : none);
      UNROLL for (int o = 0; o < outputs; o++)
        sum[o][v] = add_pairs(sum[o][v], both, ((const Cell *)weights)[o]);
    }
#else
  for (int i = 0; i < n; i++, x += plane, weights += outputs)
    UNROLL for (int o = 0; o < outputs; o++)
      UNROLL for (int v = 0; v < vectors; v++)
        sum[o][v] += ((const Vector *)x)[v] * weights[o];
#endif
  return weights;
}

/* outputs, columns: constants wherever this is inlined */
INLINE void
multiply(const int outputs, const int columns, const Product *p, gsize offset)
{
  const int vectors = columns * PARTS;
  Vector sum[8][4 * PARTS];
  const float *weights = p->weights, *bias = p->bias, slope = p->slope;
  const gsize out_plane = p->plane;
  float *out = p->out + offset;
  UNROLL for (int o = 0; o < outputs; o++)
    UNROLL for (int v = 0; v < vectors; v++) {
      sum[o][v] = (Vector){ 0 } + (bias ? bias[o] : 0.0f);
      if (p->accumulate)
        sum[o][v] += ((const Vector *)(out + o * out_plane))[v];
    }
  for (int s = 0; s < p->n_sources; s++)
    weights = add_source(outputs, vectors, p->sources[s].data + offset, p->sources[s].plane, p->sources[s].channels, weights,
                         sum);
  UNROLL for (int o = 0; o < outputs; o++)
    UNROLL for (int v = 0; v < vectors; v++)
      ((Vector *)(out + o * out_plane))[v] = slope == 1.0f ? sum[o][v] : leaky(sum[o][v], slope);
}

/* Multiplies whole steps of the columns [column, end); returns the next column. */
#define MULTIPLY(outputs, columns)                                                                                     \
  static int multiply_##outputs##_##columns(const Product *p, int column, int end)                                     \
  {                                                                                                                    \
    for (; column + columns <= end; column += columns)                                                                 \
      multiply(outputs, columns, p, (gsize)column * LANES);                                                            \
    return column;                                                                                                     \
  }
#define MULTIPLIES(outputs) MULTIPLY(outputs, 1) MULTIPLY(outputs, 2) MULTIPLY(outputs, 4)
MULTIPLIES(1) MULTIPLIES(2) MULTIPLIES(3) MULTIPLIES(4) MULTIPLIES(6) MULTIPLIES(8)

/* [outputs][log2 columns] */
#define ROW(outputs) { multiply_##outputs##_1, multiply_##outputs##_2, multiply_##outputs##_4 }
static int (*const multiplies[9][3])(const Product *, int, int) = {
  [1] = ROW(1), [2] = ROW(2), [3] = ROW(3), [4] = ROW(4), [6] = ROW(6), [8] = ROW(8),
};
/* clang-format on */

/* Columns [0, columns) for one chunk of `outputs` outputs, as many at a time as the registers hold. */
INLINE void
multiply_columns(const Product *p, int outputs, int columns)
{
  int log = 4 * outputs <= SUMS ? 2 : 2 * outputs <= SUMS ? 1 : 0;
  for (int column = 0; column < columns; log--)
    column = multiplies[outputs][log](p, column, columns);
}
