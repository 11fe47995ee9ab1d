/* conv2d.h - one convolution of cuDNN's at one batch size: forward, to the data or to the weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "context.h"

G_BEGIN_DECLS

typedef enum { CBIGAN_CUDA_FORWARD, CBIGAN_CUDA_DATA, CBIGAN_CUDA_FILTER } CbiganCudaDirection;

/* A zeroed one is none: clear() does nothing to it. */
typedef struct {
  CbiganCudaDirection direction;
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t convolution;
  int algorithm; /* cudnnConvolution...Algo_t of its direction */
} CbiganCudaConvolution;

/* What is convolved: in -> out by `kernel` x `kernel` taps. Values of type CUDNN_DATA_FLOAT lie in n,c,h,w order,
 * 16-bit values in n,h,w,c order. Sums are floats. */
typedef struct {
  CbiganShape in, out;
  int kernel, batch;
  cudnnDataType_t type;
} CbiganCudaConvolutionShape;

/* Chooses the algorithm and enlarges the workspace; may wait. c: zeroed. FALSE: failed, the failure is kept, and the
 * caller clears c. */
gboolean cbigan_cuda_convolution_init(CbiganCuda *self, CbiganCudaConvolution *c, CbiganCudaDirection direction,
                                      const CbiganCudaConvolutionShape *shape);
/* The same for a layer with float values */
gboolean cbigan_cuda_convolution_init_layer(CbiganCuda *self, CbiganCudaConvolution *c, CbiganCudaDirection direction,
                                            const CbiganLayer *layer, int batch);
void cbigan_cuda_convolution_clear(CbiganCudaConvolution *c);
/* Computes y (FORWARD), x (DATA) or w (FILTER) from the other two; accumulate: adds to it instead of overwriting it.
 * All pointers are multiples of 16 bytes. */
void cbigan_cuda_convolution_run(CbiganCuda *self, const CbiganCudaConvolution *c, gboolean accumulate, void *x,
                                 void *w, void *y);

/* A plan of one layer. The convolution and the weights are those of conv2d layers, else zero and NULL. */
typedef struct {
  CbiganCudaPlan base;
  const CbiganLayer *layer;
  int batch;
  CbiganCudaConvolution convolution;
  float *weights;          /* device memory (out.c, in.c, k, k) */
  const float *parameters; /* the whole network's, as last loaded */
} CbiganCudaLayer;

/* x (batch, in) -> y (batch, out) */
void cbigan_cuda_conv2d(const CbiganCudaLayer *self, const float *x, float *y);

/* Floats of a conv2d layer's weights: (out.c, in.c, kernel, kernel) */
static inline gsize
cbigan_cuda_weights_size(const CbiganLayer *layer)
{
  return (gsize)layer->out.c * layer->in.c * layer->kernel * layer->kernel;
}
/* Copies a layer's weights, which lie anywhere in the network's parameters with rows weight_stride apart, to rows
 * without gaps: cuDNN wants them aligned to 16 bytes. */
void cbigan_cuda_load_weights(CbiganCuda *self, const CbiganLayer *layer, const float *parameters, float *weights);

G_END_DECLS
