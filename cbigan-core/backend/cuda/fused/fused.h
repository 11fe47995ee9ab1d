/* fused.h - layers of a network as one operation: steps over memory of its own, launched as a CUDA graph
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuse.c turns layers into steps and places their values, fused.c opens, loads and runs them, fused_launch.c launches a
 * step. A convolution is done in one of two ways: by cuDNN with epilogue.cu behind it, or within a whole residual block
 * by residual_block.cu. fuse.c has the table that decides, by precision and number of channels alone, so that the same
 * network has the same bits in every run.
 */
#pragma once
#include "backend/cuda/conv2d.h"
#include "backend/cuda/graph_cache.h"

G_BEGIN_DECLS

typedef enum {
  CBIGAN_CUDA_RESIDUAL_BLOCK, /* a whole block, by residual_block.cu; floats only */
  CBIGAN_CUDA_CONVOLVE,       /* one convolution, or the sum of two, by cuDNN; then epilogue.cu */
  CBIGAN_CUDA_DENSE,          /* a dense layer, in floats */
  CBIGAN_CUDA_ROUND,          /* rounds a value's floats to 16 bits */
} CbiganCudaStepKind;

/* One layer of weights within a step */
typedef struct {
  const CbiganLayer *layer;
  int input;                         /* the value that it reads; -1: an intermediate one of RESIDUAL_BLOCK */
  gboolean upsamples;                /* it reads the upsampled input */
  void *weights;                     /* of a convolution: a part of the fused memory */
  CbiganCudaConvolution convolution; /* of a CONVOLVE step */
} CbiganCudaProduct;

/* Products of a RESIDUAL_BLOCK step */
enum { CBIGAN_CUDA_FIRST, CBIGAN_CUDA_SECOND, CBIGAN_CUDA_CLOSING, CBIGAN_CUDA_SKIP, CBIGAN_CUDA_MAX_PRODUCTS };

typedef struct {
  CbiganCudaStepKind kind;
  const CbiganLayer *layer; /* gives the output its bias, activation and, before pooling, its shape; NULL for ROUND */
  CbiganCudaProduct products[CBIGAN_CUDA_MAX_PRODUCTS];
  int n_products;
  int output;          /* the value that the step writes */
  gboolean pools;      /* the output is the 2x2 mean */
  CbiganCudaTile tile; /* of a RESIDUAL_BLOCK step */
} CbiganCudaStep;

/* Where a value lies. A form that is neither read nor written has no place. */
typedef struct {
  gboolean is_callers; /* its floats lie in the caller's buffer */
  gsize offsets[2];    /* of its floats and of its 16-bit form in the fused memory; or CBIGAN_NO_OFFSET */
  float *floats;       /* n,c,h,w; NULL: the caller's, or none */
  void *half;          /* 16 bits, n,h,w,c, channels in groups of eight; NULL: none */
} CbiganCudaPlace;

typedef struct {
  CbiganCudaPlan base;
  const CbiganNetwork *network;
  int batch;
  gboolean is_half;    /* convolutions read and write 16-bit values ... */
  CbiganCudaHalf type; /* ... of this type */
  CbiganCudaStep *steps;
  int n_steps;
  CbiganCudaPlace *places; /* [network->n_values] */
  void *scratch[2];        /* within a CONVOLVE step: [0] the upsampled input or the skip, [1] the sum */
  float *memory;           /* one allocation: values, scratch, weights */
  const float *parameters; /* the whole network's, as last loaded */
  float *const *values;    /* the caller's, during a run */
  CbiganCudaGraphs graphs;
} CbiganCudaFused;

/* fuse.c: as CbiganBackendClass.plan() for whole steps of the network. NULL: layer `first` begins none, or it failed
 * and the failure is kept; the caller plans the layer by itself. */
CbiganPlan *cbigan_cuda_fuse(CbiganCuda *cuda, const CbiganNetwork *network, int first, int end, int batch,
                             const int *keep);

/* fused_launch.c: puts all steps into the stream. */
void cbigan_cuda_fused_launch(const CbiganCudaFused *self);

/* fused.c: opens an operation whose steps and offsets are known. values: bytes of the fused memory that values take.
 * Takes ownership of self. NULL: there are no steps, or it failed and the failure is kept. */
CbiganPlan *cbigan_cuda_fused_open(CbiganCudaFused *self, gsize values);

/* The shape that a value has in memory: 16-bit values have their channels padded to whole groups. */
static inline CbiganShape
cbigan_cuda_padded(CbiganShape shape, gboolean is_half)
{
  if (is_half)
    shape.c = (shape.c + CBIGAN_CUDA_GROUP - 1) / CBIGAN_CUDA_GROUP * CBIGAN_CUDA_GROUP;
  return shape;
}

/* Bytes of a value in one form */
static inline gsize
cbigan_cuda_value_size(CbiganShape shape, int batch, gboolean is_half)
{
  return (gsize)batch * cbigan_shape_size(cbigan_cuda_padded(shape, is_half)) * (is_half ? 2 : sizeof(float));
}

/* Every part of the fused memory begins at such a multiple of bytes. */
static inline gsize
cbigan_cuda_round_up(gsize size)
{
  return (size + 255) / 256 * 256;
}

G_END_DECLS
