/* simd_channels.h - layers of values in n,h,w,c order, channels in the lanes of vectors
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Training does 3x3 convolutions, forward and backward, by Winograd's minimal filtering as in simd_patches.h where
 * channels fill vectors. With fewer channels, pixels fill the lanes (conv3x3_planar_tmpl.h). 1x1 convolutions of few
 * channels are in pixelwise_tmpl.h. conv3x3.c and conv1x1.c share the work among threads. Scoring of few patches
 * computes all kinds of layers, by the same filtering or directly (direct_tmpl.h, run by fused_channels.c).
 *
 * simd_channels.c is compiled once for each instruction set.
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

/* Order of 3x3 filters in the parameters */
typedef struct {
  gsize stride;    /* floats from one output's filters to the next output's */
  gboolean turned; /* by 180 degrees, inputs and outputs exchanged: for data gradients */
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

/* A 1x1 convolution of few channels, for vectors of a certain length: cbigan_pixelwise_fits() */
typedef struct {
  int inputs, outputs;
  const float *weights; /* [input][lane]: that of output lane % outputs; behind the last whole pixel's lanes anything */
  const float *bias;    /* [lane] likewise */
  float slope;          /* below zero: 1 = linear */
} CbiganPixelwise;

#define CBIGAN_FILTERING_CHANNELS 8 /* of inputs and outputs; with fewer, transforms cost more than they save */

/* A way to do 3x3 convolutions, forward and backward. Items are what threads share: tiles, or strips of rows. */
typedef struct {
  /* Whether this method is fast for the tiling, forward and backward */
  gboolean (*fits)(const CbiganTiling *t);
  /* Floats of packed filters, of the sums of their gradient, of a thread's scratch memory */
  gsize (*weights)(const CbiganTiling *t);
  gsize (*sums)(const CbiganTiling *t);
  gsize (*scratch)(const CbiganTiling *t);
  int (*items)(const CbiganTiling *t);
  int (*chunk)(const CbiganTiling *t); /* items at a time, at most */
  int (*parts)(const CbiganTiling *t); /* of the filters, which threads share in pack and unpack */
  void (*pack)(const CbiganTiling *t, CbiganFilters order, const float *filters, int part, float *weights);
  /* Items [first, first + n): y = leaky(conv(x)), or y += conv(x) where `accumulate`. */
  void (*convolve)(const CbiganTiling *t, const float *weights, const float *x, float slope, gboolean accumulate,
                   int first, int n, float *y, float *scratch);
  /* sums = the filters' gradient, as unpack takes it, of items [first, first + n) */
  void (*correlate)(const CbiganTiling *t, const float *x, const float *dy, int first, int n, float *sums,
                    float *scratch);
  /* filters += the gradient of a part; it is the sum of n_sums sums, sums_size apart. */
  void (*unpack)(const CbiganTiling *t, gsize stride, const float *sums, int n_sums, gsize sums_size, int part,
                 float *filters);
} CbiganConv3Method;

#define CBIGAN_DENSE_OUTPUTS 16 /* side by side */
#define CBIGAN_DENSE_ROWS 4
#define CBIGAN_PEAK_SUMS 12

typedef struct {
  int vector; /* floats; reads may go up to vector - 1 floats past the end of x, y and dy */
  /* By Winograd's minimal filtering; items are tiles, parts vectors of outputs.
   * weights: U = G g G^T, [position][block of outputs, two vectors, or one at the end][input][output of the block];
   * sums: [position][input][padded outputs] */
  CbiganConv3Method filtering;
  /* Directly, for few channels; items are strips of rows, there is one part. weights: [block of outputs, four
   * outputs, or three][input][tap][output of the block] */
  CbiganConv3Method narrow;
  /* filtering.convolve, only outputs [from, from + outputs), whole vectors but for the last one */
  void (*convolve_outputs)(const CbiganTiling *t, const float *weights, const float *x, float slope,
                           gboolean accumulate, int first, int n, int from, int outputs, float *y, float *scratch);
  /* n pixels: y = leaky(W x + bias), or leaky(W x + bias + y) where `accumulate` */
  void (*pixelwise)(const CbiganPixelwise *p, const float *x, gsize n, gboolean accumulate, float *y);
  /* products (outputs, inputs) += sum over n pixels of dy x */
  void (*pixelwise_products)(int inputs, int outputs, const float *x, const float *dy, gsize n, double *products);
  /* Items [first, first + n) of cbigan_direct_items() of y */
  void (*direct)(const CbiganDirect *d, const float *x, int first, int n, float *y);
  /* sums (rows, CBIGAN_DENSE_OUTPUTS) = x (rows, in) times the first columns of weights (in, stride); rows: 1 to
   * CBIGAN_DENSE_ROWS, which share a pass over the weights. A row's sums do not depend on the number of rows. */
  void (*dense)(int rows, gsize in, gsize stride, const float *weights, const float *x,
                float sums[][CBIGAN_DENSE_OUTPUTS]);
  /* Peak speed: rounds * CBIGAN_PEAK_SUMS * vector multiply-adds. one: 1, which the compiler must not know, or it
   * computes the sums in advance. Returns a sum. */
  float (*multiply_add)(float one, int rounds);
} CbiganCpuChannels;

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

/* Whether a vector holds all outputs of one pixel or more, and those pixels' inputs fill at most two vectors */
static inline gboolean
cbigan_pixelwise_fits(int inputs, int outputs, int vector)
{
  return 2 * outputs <= vector && vector / outputs * inputs <= 2 * vector;
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
