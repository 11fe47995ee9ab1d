/* winograd_filter_tmpl.h - G of Winograd's minimal filtering, for filters in the lanes of vectors; part of
 * simd_channels.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * F(2, 3) and F(4, 3) of Lavin & Gray 2015 (arXiv 1509.09308), sections 4.1 and 4.3; in double, so that only one
 * rounding is left. `side`, of a tile of outputs, is a constant where these are inlined.
 */
#pragma once
#include "simd_channels.h"
#include "winograd_points.h"
#include "vector_tmpl.h"

#define FILTERS (VECTOR / 2) /* doubles of a vector */

typedef double Filters __attribute__((vector_size(VECTOR * sizeof(float))));

/* clang-format off */

/* u (n, n) = G g G^T, g (3, 3) */
INLINE void
transform_filters(const int side, const Filters *g, Filters *u)
{
  const CbiganFilterRow *G = cbigan_filter_matrix(side);
  const int n = side + 2;
  Filters across[3][6];
  UNROLL for (int i = 0; i < 3; i++)
    UNROLL for (int x = 0; x < n; x++)
      across[i][x] = G[x][0] * g[3 * i] + G[x][1] * g[3 * i + 1] + G[x][2] * g[3 * i + 2];
  UNROLL for (int y = 0; y < n; y++)
    UNROLL for (int x = 0; x < n; x++)
      u[y * n + x] = G[y][0] * across[0][x] + G[y][1] * across[1][x] + G[y][2] * across[2][x];
}

/* g (3, 3) = G^T u G, u (n, n) */
INLINE void
transform_gradients(const int side, const Filters *u, Filters *g)
{
  const CbiganFilterRow *G = cbigan_filter_matrix(side);
  const int n = side + 2;
  Filters across[6][3];
  UNROLL for (int y = 0; y < n; y++)
    UNROLL for (int k = 0; k < 3; k++) {
      across[y][k] = (Filters){ 0 };
      UNROLL for (int x = 0; x < n; x++)
        across[y][k] += u[y * n + x] * G[x][k];
    }
  UNROLL for (int i = 0; i < 3; i++)
    UNROLL for (int k = 0; k < 3; k++) {
      g[3 * i + k] = (Filters){ 0 };
      UNROLL for (int y = 0; y < n; y++)
        g[3 * i + k] += across[y][k] * G[y][i];
    }
}

INLINE void
pack_side(const int side, const CbiganTiling *t, CbiganFilters order, const float *filters, int first, int n,
          float *weights)
{
  const int positions = (side + 2) * (side + 2);
  int padded = whole_vectors(t->outputs);
  gsize output_step = order.turned ? 9 : order.stride, input_step = order.turned ? order.stride : 9;
  for (int o = first; o < first + n; o += FILTERS) {
    int block_first = o / (2 * VECTOR) * 2 * VECTOR, block = output_block(padded, block_first);
    float *to = weights + (gsize)(block_first * t->inputs) + (gsize)(o - block_first);
    int lanes = MIN(FILTERS, first + n - o);
    for (int i = 0; i < t->inputs; i++, to += block) {
      Filters g[9], u[36];
      UNROLL for (int k = 0; k < 9; k++) /* an initialiser would be a slow `rep stos` */
        g[k] = (Filters){ 0 };
      for (int lane = 0; lane < lanes; lane++) {
        const float *filter = filters + (gsize)(o + lane) * output_step + (gsize)i * input_step;
        for (int k = 0; k < 9; k++)
          g[k][lane] = (double)filter[order.turned ? 8 - k : k];
      }
      transform_filters(side, g, u);
      UNROLL for (int p = 0; p < positions; p++)
        *(Half *)(to + (gsize)p * (gsize)(t->inputs * padded)) = __builtin_convertvector(u[p], Half);
    }
  }
}

INLINE void
unpack_side(const int side, const CbiganTiling *t, gsize stride, const float *sums, int n_sums, gsize sums_size,
            int first, int n, float *filters)
{
  const int positions = (side + 2) * (side + 2);
  int padded = whole_vectors(t->outputs);
  for (int o = first; o < first + n; o += FILTERS) {
    int lanes = MIN(FILTERS, first + n - o);
    for (int i = 0; i < t->inputs; i++) {
      Filters g[9], u[36];
      const float *from = sums + (gsize)(i * padded + o);
      UNROLL for (int p = 0; p < positions; p++, from += t->inputs * padded) {
        u[p] = __builtin_convertvector(*(const Half *)from, Filters);
        for (int k = 1; k < n_sums; k++)
          u[p] += __builtin_convertvector(*(const Half *)(from + (gsize)k * sums_size), Filters);
      }
      transform_gradients(side, u, g);
      for (int lane = 0; lane < lanes; lane++) {
        float *filter = filters + (gsize)(o + lane) * stride + (gsize)i * 9;
        for (int k = 0; k < 9; k++)
          filter[k] += (float)g[k][lane];
      }
    }
  }
}
/* clang-format on */

static void
pack(const CbiganTiling *t, CbiganFilters order, const float *filters, int part, float *weights)
{
  const int first = part * VECTOR, n = MIN(VECTOR, t->outputs - first);
  if (t->side == 4)
    pack_side(4, t, order, filters, first, n, weights);
  else
    pack_side(2, t, order, filters, first, n, weights);
}

static void
unpack(const CbiganTiling *t, gsize stride, const float *sums, int n_sums, gsize sums_size, int part, float *filters)
{
  const int first = part * VECTOR, n = MIN(VECTOR, t->outputs - first);
  if (t->side == 4)
    unpack_side(4, t, stride, sums, n_sums, sums_size, first, n, filters);
  else
    unpack_side(2, t, stride, sums, n_sums, sums_size, first, n, filters);
}
