/* conv2d.c - convolutions, in all three directions, by cuDNN
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Floats are multiplied as floats (CUDNN_FMA_MATH: no TF32). Only algorithms that add up products are used. Winograd's
 * and Fourier transforms are less exact, and one NaN would reach its neighbours. A fixed order decides which algorithm
 * is used, and never a measurement, so that every run has the same bits.
 */
#include "conv2d.h"

#include "operations.h"

#define MAX_ALGORITHMS 3

/* The first algorithm that cuDNN supports for the shape is used. ALGO_0 of the gradients adds in any order, so it is
 * the last resort: with it the bits differ between runs. */
static const struct {
  int n, algorithms[MAX_ALGORITHMS];
} preferred[] = {
  [CBIGAN_CUDA_FORWARD] = { 3,
                            { CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
                              CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_GEMM } },
  [CBIGAN_CUDA_DATA] = { 2, { CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 } },
  [CBIGAN_CUDA_FILTER] = { 2, { CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 } },
};

static gboolean
describe_data(CbiganCuda *self, const CbiganCudaConvolution *c, const CbiganCudaConvolutionShape *s)
{
  const cudnnTensorFormat_t format = s->type == CUDNN_DATA_FLOAT ? CUDNN_TENSOR_NCHW : CUDNN_TENSOR_NHWC;
  const CbiganShape in = s->in, out = s->out;
  return CBIGAN_CUDNN_TRY(self, cudnnSetTensor4dDescriptor(c->x, format, s->type, s->batch, in.c, in.h, in.w)) &&
         CBIGAN_CUDNN_TRY(self, cudnnSetTensor4dDescriptor(c->y, format, s->type, s->batch, out.c, out.h, out.w)) &&
         CBIGAN_CUDNN_TRY(self, cudnnSetFilter4dDescriptor(c->w, s->type, format, out.c, in.c, s->kernel, s->kernel));
}

static gboolean
describe(CbiganCuda *self, CbiganCudaConvolution *c, const CbiganCudaConvolutionShape *s)
{
  const int pad = s->kernel / 2;
  const cudnnMathType_t math = s->type == CUDNN_DATA_FLOAT ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH;
  return CBIGAN_CUDNN_TRY(self, cudnnCreateTensorDescriptor(&c->x)) &&
         CBIGAN_CUDNN_TRY(self, cudnnCreateTensorDescriptor(&c->y)) &&
         CBIGAN_CUDNN_TRY(self, cudnnCreateFilterDescriptor(&c->w)) &&
         CBIGAN_CUDNN_TRY(self, cudnnCreateConvolutionDescriptor(&c->convolution)) && describe_data(self, c, s) &&
         CBIGAN_CUDNN_TRY(self, cudnnSetConvolution2dDescriptor(c->convolution, pad, pad, 1, 1, 1, 1,
                                                                CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT)) &&
         CBIGAN_CUDNN_TRY(self, cudnnSetConvolutionMathType(c->convolution, math));
}

static cudnnStatus_t
ask_workspace(const CbiganCuda *self, const CbiganCudaConvolution *c, int algorithm, size_t *size)
{
  switch (c->direction) {
  case CBIGAN_CUDA_FORWARD:
    return cudnnGetConvolutionForwardWorkspaceSize(self->cudnn, c->x, c->w, c->convolution, c->y,
                                                   (cudnnConvolutionFwdAlgo_t)algorithm, size);
  case CBIGAN_CUDA_DATA:
    return cudnnGetConvolutionBackwardDataWorkspaceSize(self->cudnn, c->w, c->y, c->convolution, c->x,
                                                        (cudnnConvolutionBwdDataAlgo_t)algorithm, size);
  case CBIGAN_CUDA_FILTER:
    return cudnnGetConvolutionBackwardFilterWorkspaceSize(self->cudnn, c->x, c->y, c->convolution, c->w,
                                                          (cudnnConvolutionBwdFilterAlgo_t)algorithm, size);
  }
  return CUDNN_STATUS_BAD_PARAM;
}

/* The old workspace is freed only once there is a new one, so that existing plans still work where memory is short. */
static gboolean
grow_workspace(CbiganCuda *self, gsize size)
{
  void *larger = NULL;
  if (size <= self->workspace_size)
    return TRUE;
  if (!CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)) || /* work in the stream may still use it */
      !CBIGAN_CUDA_TRY(self, cudaMalloc(&larger, size)))
    return FALSE;
  CBIGAN_CUDA_TRY(self, cudaFree(self->workspace));
  self->workspace = larger;
  self->workspace_size = size;
  return TRUE;
}

gboolean
cbigan_cuda_convolution_init(CbiganCuda *self, CbiganCudaConvolution *c, CbiganCudaDirection direction,
                             const CbiganCudaConvolutionShape *shape)
{
  c->direction = direction;
  if (!describe(self, c, shape))
    return FALSE;
  cudnnStatus_t status = CUDNN_STATUS_NOT_SUPPORTED;
  size_t size = 0;
  for (int i = 0; i < preferred[direction].n && status != CUDNN_STATUS_SUCCESS; i++) {
    c->algorithm = preferred[direction].algorithms[i];
    status = ask_workspace(self, c, c->algorithm, &size);
  }
  return CBIGAN_CUDNN_TRY(self, status) && grow_workspace(self, size);
}

gboolean
cbigan_cuda_convolution_init_layer(CbiganCuda *self, CbiganCudaConvolution *c, CbiganCudaDirection direction,
                                   const CbiganLayer *layer, int batch)
{
  const CbiganCudaConvolutionShape shape = { layer->in, layer->out, layer->kernel, batch, CUDNN_DATA_FLOAT };
  return cbigan_cuda_convolution_init(self, c, direction, &shape);
}

void
cbigan_cuda_convolution_clear(CbiganCudaConvolution *c)
{
  if (c->convolution)
    cudnnDestroyConvolutionDescriptor(c->convolution);
  if (c->w)
    cudnnDestroyFilterDescriptor(c->w);
  if (c->y)
    cudnnDestroyTensorDescriptor(c->y);
  if (c->x)
    cudnnDestroyTensorDescriptor(c->x);
  *c = (CbiganCudaConvolution){ 0 };
}

void
cbigan_cuda_convolution_run(CbiganCuda *self, const CbiganCudaConvolution *c, gboolean accumulate, void *x, void *w,
                            void *y)
{
  const float one = 1.0f,
              keep = accumulate
                         ? 1.0f
                         : 0.0f; /* out = one * convolution + keep * out; with keep = 0 cuDNN does not read out */
  void *space = self->workspace;
  gsize size = self->workspace_size;
  switch (c->direction) {
  case CBIGAN_CUDA_FORWARD:
    CBIGAN_CUDNN_TRY(self,
                     cudnnConvolutionForward(self->cudnn, &one, c->x, x, c->w, w, c->convolution,
                                             (cudnnConvolutionFwdAlgo_t)c->algorithm, space, size, &keep, c->y, y));
    break;
  case CBIGAN_CUDA_DATA:
    CBIGAN_CUDNN_TRY(self, cudnnConvolutionBackwardData(self->cudnn, &one, c->w, w, c->y, y, c->convolution,
                                                        (cudnnConvolutionBwdDataAlgo_t)c->algorithm, space, size, &keep,
                                                        c->x, x));
    break;
  case CBIGAN_CUDA_FILTER:
    CBIGAN_CUDNN_TRY(self, cudnnConvolutionBackwardFilter(self->cudnn, &one, c->x, x, c->y, y, c->convolution,
                                                          (cudnnConvolutionBwdFilterAlgo_t)c->algorithm, space, size,
                                                          &keep, c->w, w));
    break;
  }
}

void
cbigan_cuda_load_weights(CbiganCuda *self, const CbiganLayer *layer, const float *parameters, float *weights)
{
  const gsize row = (gsize)layer->in.c * (gsize)(layer->kernel * layer->kernel) * sizeof(float);
  CBIGAN_CUDA_TRY(self,
                  cudaMemcpy2DAsync(weights, row, parameters + layer->weight, layer->weight_stride * sizeof(float), row,
                                    (gsize)layer->out.c, cudaMemcpyDeviceToDevice, self->stream));
}

void
cbigan_cuda_conv2d(const CbiganCudaLayer *self, const float *x, float *y)
{
  CbiganCuda *cuda = self->base.cuda;
  const CbiganLayer *l = self->layer;
  const float *bias = l->bias == CBIGAN_NO_OFFSET ? NULL : self->parameters + l->bias;
  cbigan_cuda_convolution_run(cuda, &self->convolution, l->accumulate, (float *)x, self->weights, y);
  if (bias || l->activation != CBIGAN_LINEAR)
    CBIGAN_CUDA_TRY(cuda, cbigan_cuda_launch_activate((gsize)self->batch * cbigan_shape_size(l->out), l->out.c,
                                                      l->out.h * l->out.w, bias, cbigan_cuda_activation(l->activation),
                                                      y, cuda->stream));
}
