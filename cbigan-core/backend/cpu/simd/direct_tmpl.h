/* direct_tmpl.h - layers of few samples, done directly; part of simd_channels.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Four positions of the output share a pass over the weights of a block of outputs, all sums in registers.
 */
#pragma once

#define GROUP CBIGAN_DIRECT_GROUP

/* clang-format takes UNROLL for a statement. */
/* clang-format off */

/* sum[r] += x[r * x_row + i * x_step] weights[r * row + i * step], i < n; vectors: constant */
INLINE void
add_products(const int vectors, const float *const *x, const int x_step, const float *weights, gsize row, gsize step,
             int n, Vector sum[GROUP][CBIGAN_DIRECT_VECTORS])
{
  const float *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];
  for (int i = 0; i < n; i++, weights += step) {
    const float from[GROUP] = { x0[i * x_step], x1[i * x_step], x2[i * x_step], x3[i * x_step] };
    UNROLL for (int r = 0; r < GROUP; r++)
      UNROLL for (int v = 0; v < vectors; v++)
        sum[r][v] += load_any(weights + (gsize)r * row + v * VECTOR) * from[r];
  }
}

/* y = leaky(sum + bias + y where it accumulates), outputs from o on */
INLINE void
finish_sums(const int vectors, const CbiganDirect *d, int o, const Vector *sum, float *y)
{
  UNROLL for (int v = 0; v < vectors; v++) {
    int at = o + v * VECTOR, lanes = MIN(VECTOR, d->outputs - at);
    Vector s = sum[v] + load_any(d->bias + at);
    if (d->accumulate)
      s += load_some(y + at, lanes);
    store_some(y + at, lanes, leaky(s, d->slope));
  }
}

/* Where tap (down, across) of the group's positions reads. FALSE: all of them lie outside the map. */
INLINE gboolean
find_tap(const CbiganDirect *d, const float *x, int group, int down, int across, const float **from)
{
  gboolean any = FALSE;
  UNROLL for (int r = 0; r < GROUP; r++) {
    int position = group * GROUP + r, row = position / d->w % d->h + down, column = position % d->w + across;
    gboolean inside = row >= 0 && row < d->h && column >= 0 && column < d->w;
    from[r] = inside ? x + (gssize)(position + down * d->w + across) * d->inputs : zeros;
    any |= inside;
  }
  return any;
}

INLINE void
convolve_group(const int vectors, const CbiganDirect *d, const float *x, const float *weights, int group, int o, float *y)
{
  const int reach = d->kernel / 2, width = vectors * VECTOR;
  Vector sum[GROUP][CBIGAN_DIRECT_VECTORS] = { 0 };
  for (int down = -reach; down <= reach; down++)
    for (int across = -reach; across <= reach; across++, weights += d->inputs * width) {
      const float *from[GROUP];
      if (find_tap(d, x, group, down, across, from))
        add_products(vectors, from, 1, weights, 0, (gsize)width, d->inputs, sum);
    }
  UNROLL for (int r = 0; r < GROUP; r++)
    finish_sums(vectors, d, o, sum[r], y + (gsize)(group * GROUP + r) * (gsize)d->outputs);
}

/* One sample. Four inputs have sums of their own, because one chain of sums would wait for each addition. */
INLINE void
multiply_sample(const int vectors, const CbiganDirect *d, const float *x, const float *weights, int sample, int o, float *y)
{
  const int width = vectors * VECTOR, whole = d->inputs / GROUP;
  Vector sum[GROUP][CBIGAN_DIRECT_VECTORS] = { 0 };
  x += (gsize)sample * (gsize)d->inputs;
  const float *from[GROUP] = { x, x + 1, x + 2, x + 3 };
  add_products(vectors, from, GROUP, weights, (gsize)width, (gsize)(GROUP * width), whole, sum);
  for (int i = whole * GROUP; i < d->inputs; i++)
    UNROLL for (int v = 0; v < vectors; v++)
      sum[0][v] += load_any(weights + i * width + v * VECTOR) * x[i];
  UNROLL for (int v = 0; v < vectors; v++)
    sum[0][v] = (sum[0][v] + sum[1][v]) + (sum[2][v] + sum[3][v]);
  finish_sums(vectors, d, o, sum[0], y + (gsize)sample * (gsize)d->outputs);
}

/* Items: groups of positions, or samples, of each block of outputs */
INLINE void
multiply_items(const CbiganDirect *d, const float *x, int first, int n, float *y)
{
  int groups = cbigan_direct_groups(d), o = 0;
  const float *weights = d->weights;
  for (int begin = 0; begin < first + n; begin += groups) { /* items of a block */
    int vectors = cbigan_direct_block(d, VECTOR, o);
    for (int item = MAX(first, begin); item < MIN(first + n, begin + groups); item++)
      if (d->kind == CBIGAN_DENSE && vectors == 3)
        multiply_sample(3, d, x, weights, item - begin, o, y);
      else if (d->kind == CBIGAN_DENSE && vectors == 2)
        multiply_sample(2, d, x, weights, item - begin, o, y);
      else if (d->kind == CBIGAN_DENSE)
        multiply_sample(1, d, x, weights, item - begin, o, y);
      else if (vectors == 3)
        convolve_group(3, d, x, weights, item - begin, o, y);
      else if (vectors == 2)
        convolve_group(2, d, x, weights, item - begin, o, y);
      else
        convolve_group(1, d, x, weights, item - begin, o, y);
    weights += (gsize)(vectors * VECTOR) * (gsize)(d->inputs * d->kernel * d->kernel);
    o += vectors * VECTOR;
  }
}

/* clang-format on */

/* Bilinear, half-pixel centres, edges clamped; items: pixels of the output */
static void
upsample_pixels(const CbiganDirect *d, const float *x, int first, int n, float *y)
{
  gsize c = (gsize)d->outputs;
  for (int pixel = first; pixel < first + n; pixel++) {
    int row = pixel / d->w % d->h, column = pixel % d->w, h = d->h / 2, w = d->w / 2;
    int near = row / 2, far = CLAMP(row % 2 ? near + 1 : near - 1, 0, h - 1);
    int here = column / 2, there = CLAMP(column % 2 ? here + 1 : here - 1, 0, w - 1);
    const float *sample = x + (gsize)(pixel / (d->h * d->w) * h * w) * c, *a = sample + (gsize)(near * w) * c,
                *b = sample + (gsize)(far * w) * c;
    const float *a0 = a + (gsize)here * c, *a1 = a + (gsize)there * c, *b0 = b + (gsize)here * c,
                *b1 = b + (gsize)there * c;
    float *to = y + (gsize)pixel * c;
    for (gsize i = 0; i < c; i++)
      to[i] = 0.75f * (0.75f * a0[i] + 0.25f * a1[i]) + 0.25f * (0.75f * b0[i] + 0.25f * b1[i]);
  }
}

/* 2x2 mean; items: pixels of the output */
static void
pool_pixels(const CbiganDirect *d, const float *x, int first, int n, float *y)
{
  gsize c = (gsize)d->outputs, below = (gsize)(2 * d->w) * c;
  for (int pixel = first; pixel < first + n; pixel++) {
    const float *from = x + (gsize)(pixel / d->w * 4 * d->w + pixel % d->w * 2) * c;
    float *to = y + (gsize)pixel * c;
    for (gsize i = 0; i < c; i++)
      to[i] = 0.25f * ((from[i] + from[c + i]) + (from[below + i] + from[below + c + i]));
  }
}

static void
run_direct(const CbiganDirect *d, const float *x, int first, int n, float *y)
{
  if (d->kind == CBIGAN_UPSAMPLE)
    upsample_pixels(d, x, first, n, y);
  else if (d->kind == CBIGAN_AVGPOOL)
    pool_pixels(d, x, first, n, y);
  else
    multiply_items(d, x, first, n, y);
}
