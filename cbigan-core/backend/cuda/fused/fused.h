/* fused.h - layers of a network as one operation: steps over buffers of its own, launched as a CUDA graph
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuse.c makes steps of layers and places their values, choose.c finds by measurement how each is done, step.c does it,
 * graph.c captures and launches, fused.c is what a forward pass sees. To add a way of doing a step: a row in
 * CbiganCudaWay, and what it does in step.c.
 */
#pragma once
#include "backend/cuda/cuda.h"
#include "cudnn_fusion.h"
#include "backend/cuda/graph_cache.h"

G_BEGIN_DECLS

#define CBIGAN_CUDA_BF16_CAPABILITY 80 /* the first chips whose tensor cores take bf16 */

typedef enum {
  CBIGAN_CUDA_CONVOLVE, /* 3x3; or 1x1 of one or two inputs, which is the end of a block */
  CBIGAN_CUDA_MULTIPLY, /* a dense layer, always in float */
  CBIGAN_CUDA_ROUND,    /* a value's floats to 16 bits */
} CbiganCudaStepKind;

/* How a convolution is done. Each gives the same bits every time. */
typedef enum {
  CBIGAN_CUDA_OWN_4, /* conv3.cu or point.cu, so many channels by a thread */
  CBIGAN_CUDA_OWN_8,
  CBIGAN_CUDA_PRECOMPUTED, /* cuDNN's algorithms of that name, and finish.cu behind them */
  CBIGAN_CUDA_IMPLICIT,
  CBIGAN_CUDA_WINOGRAD, /* 3x3, in float */
  CBIGAN_CUDA_GRAPH, /* cudnn_graph.c, by one of several engines; finish.cu behind it for floats of 16 bits or a mean */
  CBIGAN_CUDA_N_WAYS,
  CBIGAN_CUDA_BLOCK = CBIGAN_CUDA_N_WAYS, /* not of one step: block.cu, the three of a residual block */
  CBIGAN_CUDA_APART                       /* nor this: each of the three in its own way */
} CbiganCudaWay;

/* One product of a step */
typedef struct {
  const CbiganLayer *layer;
  int input;                         /* value */
  gboolean doubles;                  /* of the upsampled input */
  void *weights;                     /* packed; its own part of the fused memory */
  CbiganCudaConvolution convolution; /* for cuDNN's ways */
} CbiganCudaPart;

typedef struct {
  CbiganCudaStepKind kind;
  CbiganCudaWay way;
  CbiganCudnnGraph *graph; /* of CBIGAN_CUDA_GRAPH: as which of its configurations: */
  int config;
  CbiganCudaPart parts[2]; /* added up; the first one's layer has bias and activation, and is what is 3x3 */
  int n_parts;
  int output;            /* value */
  gboolean halves;       /* its 2x2 mean */
  gboolean begins_block; /* this and the next two are a residual block, which block.cu can do: */
  CbiganCudaTile tile;   /* it, */
  gboolean does_block;   /* and it does */
  float *bias; /* for CBIGAN_CUDA_GRAPH, as many as the output has channels in memory; a part of the fused memory */
} CbiganCudaStep;

/* Where a value lies; what is neither read nor written as such has no place. */
typedef struct {
  gboolean given;   /* its floats: in the caller's buffer */
  gsize offsets[2]; /* of its floats and of its 16-bit form, in the fused memory; or CBIGAN_NO_OFFSET */
  float *floats;    /* n,c,h,w; NULL: the caller's, or none */
  void *narrow;     /* n,h,w,c, channels in eights; or NULL */
} CbiganCudaPlace;

/* --- the operation ------------------------------------------------------------------------------------------------ */

typedef struct {
  CbiganFused base;
  CbiganCuda *cuda;
  const CbiganNetwork *network;
  int batch;
  gboolean narrow;       /* values between convolutions have 16 bits: */
  CbiganCudaNarrow type; /* so */
  CbiganCudaStep *steps;
  int n_steps;
  CbiganCudaPlace *places; /* [network->n_values] */
  void *scratch[2];        /* within a step of cuDNN's: the upsampled input, or the skip; the sum */
  float *memory;           /* all of it */
  const float *parameters; /* as last loaded */
  float *const *values;    /* of the pass that runs */
  CbiganCudaGraphs graphs;
} CbiganCudaFused;

/* Of values, in cuDNN's words */
static inline cudnnDataType_t
cbigan_cuda_fused_type(const CbiganCudaFused *self)
{
  if (!self->narrow)
    return CUDNN_DATA_FLOAT;
  return self->type == CBIGAN_CUDA_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_HALF;
}

/* step.c: puts n steps into the stream. */
void cbigan_cuda_steps_run(const CbiganCudaFused *self, const CbiganCudaStep *steps, int n);
/* Whether the kernels take it, or cuDNN does: then with its algorithm set, or its graph made. config: of
 * CBIGAN_CUDA_GRAPH, which of its configurations */
gboolean cbigan_cuda_step_set_way(const CbiganCudaFused *self, CbiganCudaStep *step, CbiganCudaWay way, int config);
/* The values of a step's first part, and those that it leaves, in 16 bits where it does so */
void *cbigan_cuda_step_input(const CbiganCudaFused *self, const CbiganCudaStep *step);
void *cbigan_cuda_step_output(const CbiganCudaFused *self, const CbiganCudaStep *step);
/* What the first part's convolution makes, the step's output before it is halved */
static inline CbiganShape
cbigan_cuda_step_shape(const CbiganCudaStep *step)
{
  return step->parts[0].layer->out;
}

#define CBIGAN_CUDA_BLOCK_STEPS 3

/* choose.c: a step's way as it was measured on this backend; of a whole block as of its last step, with kernel 0 */
typedef struct {
  int batch, narrow, kernel, halves, activation, biased, n_parts;
  struct {
    CbiganShape in, out;
    int doubles;
  } parts[2];
} CbiganCudaProblem;

typedef struct {
  CbiganCudaProblem problem;
  CbiganCudaWay way;
  int config; /* see cbigan_cuda_step_set_way() */
} CbiganCudaChoice;

/* FALSE: failed, kept. */
gboolean cbigan_cuda_fused_choose(CbiganCudaFused *self);

/* fuse.c -> fused.c: steps and offsets are known, values take so many bytes; the rest. NULL: there are no steps, or it
 * failed, which is kept; all is freed then. */
CbiganFused *cbigan_cuda_fused_open(CbiganCudaFused *self, gsize values);

/* As in memory */
static inline CbiganShape
cbigan_cuda_in_eights(CbiganShape shape, gboolean narrow)
{
  if (narrow)
    shape.c = (shape.c + CBIGAN_CUDA_EIGHT - 1) / CBIGAN_CUDA_EIGHT * CBIGAN_CUDA_EIGHT;
  return shape;
}

/* Bytes of a value in one form; narrow: 16 bits, channels in eights */
static inline gsize
cbigan_cuda_value_size(CbiganShape shape, int batch, gboolean narrow)
{
  return (gsize)batch * cbigan_shape_size(cbigan_cuda_in_eights(shape, narrow)) * (narrow ? 2 : sizeof(float));
}

/* Every part of the fused memory begins at such a multiple of bytes. */
static inline gsize
cbigan_cuda_round_up(gsize size)
{
  return (size + 255) / 256 * 256;
}

G_END_DECLS
