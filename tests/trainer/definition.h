/* definition.h - the layers by their definition, in double
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/network.h"

static inline double
conv2d64(const CbiganLayer *l, const double *w, const double *x, int o, int row, int column)
{
  double sum = 0.0;
  for (int i = 0; i < l->in.c; i++)
    for (int ky = 0; ky < l->kernel; ky++)
      for (int kx = 0; kx < l->kernel; kx++) {
        int y = row + ky - l->kernel / 2, z = column + kx - l->kernel / 2;
        if (y >= 0 && y < l->in.h && z >= 0 && z < l->in.w)
          sum += w[((o * l->in.c + i) * l->kernel + ky) * l->kernel + kx] * x[(i * l->in.h + y) * l->in.w + z];
      }
  return sum;
}

static inline double
dense64(const CbiganLayer *l, const double *w, const double *x, gsize o)
{
  double sum = 0.0;
  for (gsize i = 0; i < cbigan_shape_size(l->in); i++)
    sum += w[o * l->weight_stride + i] * x[i];
  return sum;
}

/* Bilinear at the centre of output pixel (row, column), pixels being squares (align_corners = false). */
static inline double
upsample64(const CbiganLayer *l, const double *x, int c, int row, int column)
{
  double v = CLAMP((row + 0.5) / 2 - 0.5, 0, l->in.h - 1), u = CLAMP((column + 0.5) / 2 - 0.5, 0, l->in.w - 1);
  int v0 = (int)v, u0 = (int)u, v1 = MIN(v0 + 1, l->in.h - 1), u1 = MIN(u0 + 1, l->in.w - 1);
  double a = v - v0, b = u - u0;
  x += c * l->in.h * l->in.w;
  return (1 - a) * ((1 - b) * x[v0 * l->in.w + u0] + b * x[v0 * l->in.w + u1]) +
         a * ((1 - b) * x[v1 * l->in.w + u0] + b * x[v1 * l->in.w + u1]);
}

static inline double
avgpool64(const CbiganLayer *l, const double *x, int c, int row, int column)
{
  x += (c * l->in.h + 2 * row) * l->in.w + 2 * column;
  return (x[0] + x[1] + x[l->in.w] + x[l->in.w + 1]) / 4;
}

/* One sample; y = op(x) + bias where with_bias. */
static inline void
forward64(const CbiganLayer *l, const double *parameters, gboolean with_bias, const double *x, double *y)
{
  const double *w = parameters + (l->weight == CBIGAN_NO_OFFSET ? 0 : l->weight);
  const gboolean dense = l->kind == CBIGAN_DENSE;
  for (int c = 0, i = 0; c < l->out.c; c++)
    for (int row = 0; row < l->out.h; row++)
      for (int column = 0; column < l->out.w; column++, i++) {
        y[i] = dense                        ? dense64(l, w, x, i)
               : l->kind == CBIGAN_CONV2D   ? conv2d64(l, w, x, c, row, column)
               : l->kind == CBIGAN_UPSAMPLE ? upsample64(l, x, c, row, column)
                                            : avgpool64(l, x, c, row, column);
        if (with_bias && l->bias != CBIGAN_NO_OFFSET)
          y[i] += parameters[l->bias + (dense ? i : c)];
      }
}
