/* channels.h - 3x3 convolutions of values in n,h,w,c order, channels in the lanes of vectors, forward and backward
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's minimal filtering as in kernels.h, for single operations with enough channels to fill vectors: training.
 * channels.c is compiled once for each instruction set; conv3.c shares the work among threads.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* A convolution's tiles are counted sample by sample, in rows. */
typedef struct {
  int n, h, w;         /* samples; rows and columns of input and output */
  int inputs, outputs; /* channels */
  int side;            /* of a tile of outputs: 4, or 2 */
} CbiganTiling;

/* 3x3 filters as they lie in the parameters. */
typedef struct {
  gsize stride;    /* floats from one output's filters to the next output's */
  gboolean turned; /* turned by half, and inputs are outputs: a data gradient is the forward pass of those */
} CbiganFilters;

typedef struct {
  int vector; /* floats; so many, less one, may be read behind x, y and dy */
  /* U = G g G^T of outputs [first, first + n), first a multiple of vector.
   * weights: [position][block of outputs, see cbigan_tiling_block()][input][output of the block] */
  void (*pack)(const CbiganTiling *t, CbiganFilters order, const float *filters, int first, int n, float *weights);
  /* Tiles [first, first + n): y = leaky(conv(x)), or y += conv(x) where `accumulate`. */
  void (*convolve)(const CbiganTiling *t, const float *weights, const float *x, float slope, gboolean accumulate,
                   int first, int n, float *y, float *scratch);
  /* sums [position][input][padded outputs] = the transformed filters' gradient, of tiles [first, first + n) */
  void (*correlate)(const CbiganTiling *t, const float *x, const float *dy, int first, int n, float *sums,
                    float *scratch);
  /* filters += G^T U G of outputs [first, first + n), as for pack; U is the sum of n_sums sums, sums_size apart. */
  void (*unpack)(const CbiganTiling *t, gsize stride, const float *sums, int n_sums, gsize sums_size, int first, int n,
                 float *filters);
} CbiganChannels;

static inline int
cbigan_tiling_positions(const CbiganTiling *t)
{
  return (t->side + 2) * (t->side + 2);
}

static inline int
cbigan_tiling_count(const CbiganTiling *t)
{
  return t->n * (t->h / t->side) * (t->w / t->side);
}

static inline int
cbigan_tiling_padded(int channels, int vector)
{
  return (channels + vector - 1) / vector * vector;
}

/* Outputs of the block that begins at `from`: two vectors, or one at the end. */
static inline int
cbigan_tiling_block(int padded, int vector, int from)
{
  return padded - from >= 2 * vector ? 2 * vector : vector;
}

/* Tiles at a time: what a second-level cache holds, but so many that weights are worth loading. */
static inline int
cbigan_tiling_chunk(const CbiganTiling *t)
{
  int fit = 256 * 1024 / (cbigan_tiling_positions(t) * (t->inputs + t->outputs) * (int)sizeof(float));
  return CLAMP(fit / 6 * 6, 24, 96);
}

/* Floats between two positions of so many channels of transformed tiles; a power of two would make them fight for the
 * same cache lines. */
static inline gsize
cbigan_tiling_stride(const CbiganTiling *t, int channels, int vector)
{
  return (gsize)cbigan_tiling_chunk(t) * (gsize)cbigan_tiling_padded(channels, vector) + 16;
}

/* Floats of pack's weights, and of correlate's sums. */
static inline gsize
cbigan_tiling_weights(const CbiganTiling *t, int vector)
{
  return (gsize)cbigan_tiling_positions(t) * (gsize)t->inputs * (gsize)cbigan_tiling_padded(t->outputs, vector);
}

static inline gsize
cbigan_tiling_scratch(const CbiganTiling *t, int vector) /* floats */
{
  return (gsize)cbigan_tiling_positions(t) *
         (cbigan_tiling_stride(t, t->inputs, vector) + cbigan_tiling_stride(t, t->outputs, vector));
}

G_END_DECLS
