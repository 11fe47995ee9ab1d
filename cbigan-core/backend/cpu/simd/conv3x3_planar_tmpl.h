/* conv3x3_planar_tmpl.h - 3x3 convolutions of few channels, done directly, pixels of a row in the lanes; part of
 * simd_channels.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * With few channels, a vector of channels would be mostly empty, and Winograd's transforms would cost as much as with
 * many. So a strip of rows is copied into planes, one per channel, and pixels fill the lanes.
 */
#pragma once

#define STRIP 8                        /* rows per strip: its planes stay in a first-level cache */
#define COLUMNS (VECTOR == 16 ? 4 : 2) /* vectors of pixels whose sums stay in registers, with 4 outputs each */

/* Outputs per block; the last block is filled up with outputs of zero weights. */
static int
narrow_block(int outputs)
{
  return outputs % 4 && outputs % 3 == 0 ? 3 : 4;
}

/* Floats per row of a plane: the pixels, zeros on both sides, and one cache line, so that rows are no power of two
 * apart. */
static gsize
narrow_plane(const CbiganTiling *t)
{
  return (gsize)t->w + 3 * VECTOR;
}

static gsize
narrow_weights(const CbiganTiling *t)
{
  int block = narrow_block(t->outputs);
  return (gsize)((t->outputs + block - 1) / block * block * t->inputs * 9);
}

static gsize
narrow_sums_size(const CbiganTiling *t)
{
  return (gsize)(t->outputs * t->inputs * 9 * VECTOR);
}

static gsize
narrow_scratch(const CbiganTiling *t)
{
  int rows = (STRIP + 2) * t->inputs + STRIP * (t->outputs + 3);
  return (gsize)rows * narrow_plane(t);
}

/* TRUE: inputs or outputs are few, the height is a multiple of a strip and the width one of a vector */
static gboolean
narrow_fits(const CbiganTiling *t)
{
  return MIN(t->inputs, t->outputs) < CBIGAN_FILTERING_CHANNELS && t->h % STRIP == 0 && t->w % VECTOR == 0;
}

static int
narrow_items(const CbiganTiling *t)
{
  return t->n * t->h / STRIP;
}

static int
narrow_chunk(const CbiganTiling *t)
{
  return 4;
}

static int
narrow_parts(const CbiganTiling *t)
{
  return 1; /* filters are few */
}

/* clang-format off */

/* A row in w,c order -> planes; channels: constant */
INLINE void
row_to_planes(const int channels, const float *restrict row, int w, float *restrict planes, gsize plane)
{
  for (int x = 0; x < w; x++)
    UNROLL for (int c = 0; c < channels; c++)
      planes[(gsize)c * plane + (gsize)x] = row[x * channels + c];
}

INLINE void
row_from_planes(const int channels, const float *restrict planes, gsize plane, int w, float *restrict row)
{
  for (int x = 0; x < w; x++)
    UNROLL for (int c = 0; c < channels; c++)
      row[x * channels + c] = planes[(gsize)c * plane + (gsize)x];
}

INLINE void
add_from_planes(const int channels, const float *restrict planes, gsize plane, int w, float *restrict row)
{
  for (int x = 0; x < w; x++)
    UNROLL for (int c = 0; c < channels; c++)
      row[x * channels + c] += planes[(gsize)c * plane + (gsize)x];
}

#define FOR_CHANNELS(function, channels, ...)                                                                          \
  switch (channels) {                                                                                                  \
  case 3: function(3, __VA_ARGS__); break;                                                                             \
  case 4: function(4, __VA_ARGS__); break;                                                                             \
  case 6: function(6, __VA_ARGS__); break;                                                                             \
  case 8: function(8, __VA_ARGS__); break;                                                                             \
  default: function(channels, __VA_ARGS__);                                                                            \
  }

/* clang-format on */

/* Rows [y - border, y + STRIP + border) of a sample -> [row][channel][VECTOR + w + VECTOR], zeros outside the picture
 */
static void
strip_to_planes(const CbiganTiling *t, int channels, const float *sample, int y, int border, float *planes)
{
  gsize plane = narrow_plane(t);
  for (int row = y - border; row < y + STRIP + border; row++, planes += (gsize)channels * plane) {
    if (row < 0 || row >= t->h) {
      memset(planes, 0, (gsize)channels * plane * sizeof *planes);
      continue;
    }
    const float *from = sample + (gsize)(row * t->w) * (gsize)channels;
    for (int c = 0; c < channels; c++)
      planes[(gsize)c * plane + VECTOR - 1] = planes[(gsize)c * plane + VECTOR + (gsize)t->w] = 0.0f;
    FOR_CHANNELS(row_to_planes, channels, from, t->w, planes + VECTOR, plane)
  }
}

/* clang-format off */

/* leaky(sums); x: planes of the row above, at the column before -> out (outputs, plane apart); outputs, columns:
 * constants */
INLINE void
narrow_sums(const int outputs, const int columns, int inputs, const float *x, gsize plane, const float *weights,
            float slope, float *out)
{
  Vector sum[4][COLUMNS];
  UNROLL for (int o = 0; o < outputs; o++)
    UNROLL for (int v = 0; v < columns; v++)
      sum[o][v] = (Vector){ 0 };
  for (int i = 0; i < inputs; i++, x += plane)
    for (int down = 0; down < 3; down++) {
      const float *row = x + (gsize)(down * inputs) * plane;
      UNROLL for (int across = 0; across < 3; across++, weights += outputs)
        UNROLL for (int v = 0; v < columns; v++) {
          const Vector from = load_any(row + across + v * VECTOR);
          UNROLL for (int o = 0; o < outputs; o++)
            sum[o][v] += from * weights[o];
        }
    }
  UNROLL for (int o = 0; o < outputs; o++)
    UNROLL for (int v = 0; v < columns; v++)
      store_any(out + (gsize)o * plane + v * VECTOR, leaky(sum[o][v], slope));
}

INLINE void
narrow_row(const int outputs, const CbiganTiling *t, const float *x, gsize plane, const float *weights, float slope,
           float *out)
{
  int at = 0;
  for (; at + COLUMNS * VECTOR <= t->w; at += COLUMNS * VECTOR)
    narrow_sums(outputs, COLUMNS, t->inputs, x + at, plane, weights, slope, out + at);
  for (; at < t->w; at += VECTOR)
    narrow_sums(outputs, 1, t->inputs, x + at, plane, weights, slope, out + at);
}

static void
narrow_pack(const CbiganTiling *t, CbiganFilters order, const float *filters, int part, float *weights)
{
  int block = narrow_block(t->outputs);
  gsize output_step = order.turned ? 9 : order.stride, input_step = order.turned ? order.stride : 9;
  for (int o = 0; o < t->outputs; o += block)
    for (int i = 0; i < t->inputs; i++)
      for (int tap = 0; tap < 9; tap++)
        for (int k = o; k < o + block; k++)
          *weights++ = k < t->outputs ? filters[(gsize)k * output_step + (gsize)i * input_step +
                                                (gsize)(order.turned ? 8 - tap : tap)]
                                      : 0.0f;
}

static void
narrow_convolve(const CbiganTiling *t, const float *weights, const float *x, float slope, gboolean accumulate, int first,
                int n, float *y, float *scratch)
{
  const gsize plane = narrow_plane(t), pixels = (gsize)(t->h * t->w);
  const int strips = t->h / STRIP, block = narrow_block(t->outputs);
  float *in = scratch, *out = in + (gsize)((STRIP + 2) * t->inputs) * plane;
  for (int strip = first; strip < first + n; strip++) {
    int sample = strip / strips, top = strip % strips * STRIP;
    strip_to_planes(t, t->inputs, x + (gsize)sample * pixels * (gsize)t->inputs, top, 1, in);
    for (int row = 0; row < STRIP; row++) {
      const float *above = in + (gsize)(row * t->inputs) * plane + VECTOR - 1;
      for (int o = 0; o < t->outputs; o += block) {
        const float *w = weights + (gsize)(o * t->inputs * 9);
        if (block == 3)
          narrow_row(3, t, above, plane, w, slope, out + (gsize)o * plane);
        else
          narrow_row(4, t, above, plane, w, slope, out + (gsize)o * plane);
      }
      float *to = y + ((gsize)sample * pixels + (gsize)((top + row) * t->w)) * (gsize)t->outputs;
      if (accumulate)
        FOR_CHANNELS(add_from_planes, t->outputs, out, plane, t->w, to)
      else
        FOR_CHANNELS(row_from_planes, t->outputs, out, plane, t->w, to)
    }
  }
}

/* Number of outputs from o on whose sums are computed together */
static int
some_outputs(const CbiganTiling *t, int o)
{
  int block = narrow_block(t->outputs);
  return t->outputs - o >= block ? block : 1;
}

/* sums [output of the block][tap across] += dy * x over a strip, for one input and tap down; outputs: constant */
INLINE void
narrow_products(const int outputs, const CbiganTiling *t, const float *x, const float *dy, gsize plane, float *sums)
{
  Vector sum[4][3];
  UNROLL for (int o = 0; o < outputs; o++)
    UNROLL for (int across = 0; across < 3; across++)
      sum[o][across] = load_any(sums + (o * 3 + across) * VECTOR);
  for (int row = 0; row < STRIP; row++, x += (gsize)t->inputs * plane, dy += (gsize)t->outputs * plane)
    for (int at = 0; at < t->w; at += VECTOR) {
      Vector from[3];
      UNROLL for (int across = 0; across < 3; across++)
        from[across] = load_any(x + at + across);
      UNROLL for (int o = 0; o < outputs; o++) {
        const Vector d = load_any(dy + (gsize)o * plane + at);
        UNROLL for (int across = 0; across < 3; across++)
          sum[o][across] += from[across] * d;
      }
    }
  UNROLL for (int o = 0; o < outputs; o++)
    UNROLL for (int across = 0; across < 3; across++)
      store_any(sums + (o * 3 + across) * VECTOR, sum[o][across]);
}

static void
narrow_correlate(const CbiganTiling *t, const float *x, const float *dy, int first, int n, float *sums, float *scratch)
{
  const gsize plane = narrow_plane(t), pixels = (gsize)(t->h * t->w);
  const int strips = t->h / STRIP;
  float *in = scratch, *out = in + (gsize)((STRIP + 2) * t->inputs) * plane;
  memset(sums, 0, narrow_sums_size(t) * sizeof *sums);
  for (int strip = first; strip < first + n; strip++) {
    int sample = strip / strips, top = strip % strips * STRIP;
    float *to = sums;
    strip_to_planes(t, t->inputs, x + (gsize)sample * pixels * (gsize)t->inputs, top, 1, in);
    strip_to_planes(t, t->outputs, dy + (gsize)sample * pixels * (gsize)t->outputs, top, 0, out);
    for (int o = 0, some; o < t->outputs; o += some) {
      some = some_outputs(t, o);
      const float *d = out + (gsize)o * plane + VECTOR;
      for (int k = 0; k < t->inputs * 3; k++, to += some * 3 * VECTOR) {
        const float *from = in + (gsize)(k % 3 * t->inputs + k / 3) * plane + VECTOR - 1;
        if (some == 4)
          narrow_products(4, t, from, d, plane, to);
        else if (some == 3)
          narrow_products(3, t, from, d, plane, to);
        else
          narrow_products(1, t, from, d, plane, to);
      }
    }
  }
}

/* clang-format on */

static void
narrow_unpack(const CbiganTiling *t, gsize stride, const float *sums, int n_sums, gsize sums_size, int part,
              float *filters)
{
  for (int o = 0, some; o < t->outputs; o += some) {
    some = some_outputs(t, o);
    for (int k = 0; k < t->inputs * 3; k++)
      for (int i = 0; i < some * 3; i++, sums += VECTOR) {
        double sum = 0;
        for (int from = 0; from < n_sums; from++)
          for (int lane = 0; lane < VECTOR; lane++)
            sum += (double)sums[(gsize)from * sums_size + (gsize)lane];
        filters[(gsize)(o + i / 3) * stride + (gsize)(k / 3 * 9 + k % 3 * 3 + i % 3)] += (float)sum;
      }
  }
}
