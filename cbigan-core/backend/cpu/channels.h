/* channels.h - layers of values in n,h,w,c order, channels in the lanes of vectors
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For training 3x3 convolutions, forward and backward, by Winograd's minimal filtering as in kernels.h, where there are
 * enough channels to fill vectors, and with pixels in the lanes (narrow.h) where there are not; conv3.c shares the work
 * among threads. For scoring few patches all kinds of layers, directly; deep.c runs them. channels.c is compiled once
 * for each instruction set.
 */
#pragma once
#include "model/network.h"

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

#define CBIGAN_DIRECT_GROUP 4   /* positions that share a pass over the weights */
#define CBIGAN_DIRECT_VECTORS 3 /* of outputs, at most, whose sums fit into the registers beside each other */

/* A layer, done directly */
typedef struct {
  CbiganLayerKind kind;
  int n, h, w;          /* samples; rows and columns of the output, h w a multiple of 4; of dense 1, 1 */
  int inputs, outputs;  /* channels; of dense: all numbers, in h,w,c order */
  int kernel;           /* of conv2d; else 1 */
  const float *weights; /* [block of outputs, see cbigan_direct_block()][tap][input][output of the block] */
  const float *bias;    /* (outputs, filled up to whole vectors) */
  float slope;          /* below zero: 1 = linear */
  gboolean accumulate;
} CbiganDirect;

typedef struct {
  int vector; /* floats; so many, less one, may be read behind x, y and dy */
  /* U = G g G^T of outputs [first, first + n), first a multiple of vector.
   * weights: [position][block of outputs, see cbigan_tiling_block()][input][output of the block] */
  void (*pack)(const CbiganTiling *t, CbiganFilters order, const float *filters, int first, int n, float *weights);
  /* Tiles [first, first + n): y = leaky(conv(x)), or y += conv(x) where `accumulate`. */
  void (*convolve)(const CbiganTiling *t, const float *weights, const float *x, float slope, gboolean accumulate,
                   int first, int n, float *y, float *scratch);
  /* The same, only outputs [from, from + outputs), whole vectors but for the last one */
  void (*convolve_outputs)(const CbiganTiling *t, const float *weights, const float *x, float slope,
                           gboolean accumulate, int first, int n, int from, int outputs, float *y, float *scratch);
  /* sums [position][input][padded outputs] = the transformed filters' gradient, of tiles [first, first + n) */
  void (*correlate)(const CbiganTiling *t, const float *x, const float *dy, int first, int n, float *sums,
                    float *scratch);
  /* filters += G^T U G of outputs [first, first + n), as for pack; U is the sum of n_sums sums, sums_size apart. */
  void (*unpack)(const CbiganTiling *t, gsize stride, const float *sums, int n_sums, gsize sums_size, int first, int n,
                 float *filters);
  /* The same without transforms, for few channels: items are strips of rows. weights: [block of outputs, see
   * cbigan_narrow_block()][input][tap][output of the block]; sums: cbigan_narrow_sums() floats */
  void (*narrow_pack)(const CbiganTiling *t, CbiganFilters order, const float *filters, float *weights);
  void (*narrow_convolve)(const CbiganTiling *t, const float *weights, const float *x, float slope, gboolean accumulate,
                          int first, int n, float *y, float *scratch);
  void (*narrow_correlate)(const CbiganTiling *t, const float *x, const float *dy, int first, int n, float *sums,
                           float *scratch);
  void (*narrow_unpack)(const CbiganTiling *t, gsize stride, const float *sums, int n_sums, gsize sums_size,
                        float *filters);
  /* Items [first, first + n) of cbigan_direct_items() of y */
  void (*direct)(const CbiganDirect *d, const float *x, int first, int n, float *y);
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

#define CBIGAN_NARROW_STRIP 8 /* rows that are brought into planes together: they stay in a first-level cache */

static inline int
cbigan_narrow_count(const CbiganTiling *t)
{
  return t->n * t->h / CBIGAN_NARROW_STRIP;
}

/* Outputs at a time; missing ones are zeros. */
static inline int
cbigan_narrow_block(int outputs)
{
  return outputs % 4 && outputs % 3 == 0 ? 3 : 4;
}

/* Floats of one channel's row: zeros on both sides, and a cache line more than a power of two. */
static inline gsize
cbigan_narrow_plane(const CbiganTiling *t, int vector)
{
  return (gsize)t->w + 3 * (gsize)vector;
}

static inline gsize
cbigan_narrow_weights(const CbiganTiling *t) /* floats */
{
  int block = cbigan_narrow_block(t->outputs);
  return (gsize)((t->outputs + block - 1) / block * block * t->inputs * 9);
}

static inline gsize
cbigan_narrow_sums(const CbiganTiling *t, int vector) /* floats */
{
  return (gsize)(t->outputs * t->inputs * 9 * vector);
}

static inline gsize
cbigan_narrow_scratch(const CbiganTiling *t, int vector) /* floats */
{
  int rows = (CBIGAN_NARROW_STRIP + 2) * t->inputs + CBIGAN_NARROW_STRIP * (t->outputs + 3);
  return (gsize)rows * cbigan_narrow_plane(t, vector);
}

/* Vectors of the block of outputs that begins at `from`: as many as fit, the blocks alike. */
static inline int
cbigan_direct_block(const CbiganDirect *d, int vector, int from)
{
  int left = (d->outputs - from + vector - 1) / vector;
  int blocks = (left + CBIGAN_DIRECT_VECTORS - 1) / CBIGAN_DIRECT_VECTORS;
  return (left + blocks - 1) / blocks;
}

/* Items of one block of outputs: groups of positions, or samples */
static inline int
cbigan_direct_groups(const CbiganDirect *d)
{
  return d->kind == CBIGAN_DENSE ? d->n : d->n * d->h * d->w / CBIGAN_DIRECT_GROUP;
}

/* What threads can share. */
static inline int
cbigan_direct_items(const CbiganDirect *d, int vector)
{
  int vectors = (d->outputs + vector - 1) / vector;
  if (d->kind == CBIGAN_UPSAMPLE || d->kind == CBIGAN_AVGPOOL)
    return d->n * d->h * d->w; /* pixels of the output */
  return (vectors + CBIGAN_DIRECT_VECTORS - 1) / CBIGAN_DIRECT_VECTORS * cbigan_direct_groups(d);
}

static inline gsize
cbigan_direct_weights(const CbiganDirect *d, int vector) /* floats */
{
  return (gsize)(d->kernel * d->kernel * d->inputs) * (gsize)cbigan_tiling_padded(d->outputs, vector);
}

G_END_DECLS
