/* cuda.c - the cuda backend: opening, plans, operations of one kernel, the function table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gmodule.h>
#include <string.h>

#include "backend/cuda/device.h"
#include "backend/cuda/fused/fused.h"
#include "backend/cuda/memory.h"
#include "backend/cuda/operations.h"
#include "backend/cuda/readback.h"
#include "backend/module.h"
#include "cbigan.h"
#include "i18n.h"
#include "model/liveness.h"

static char *
unavailable(void)
{
  return cbigan_cuda_unavailable(-1);
}

static void
cuda_close(CbiganBackend *base)
{
  CbiganCuda *self = (CbiganCuda *)base;
  if (self->stream)
    cudaStreamSynchronize(self->stream);
  if (self->cudnn)
    cudnnDestroy(self->cudnn);
  cbigan_cuda_staging_clear(&self->readback.staging);
  cudaFree(self->partial);
  cudaFree(self->workspace);
  if (self->stream)
    cudaStreamDestroy(self->stream);
  g_clear_pointer(&self->readback.pending, g_array_unref);
  g_clear_error(&self->base.failure);
  g_free(self);
}

static gboolean
read_graphs(CbiganCuda *self)
{
  const char *asked = g_getenv("CBIGAN_GRAPHS");
  self->graphs = !asked;
  if (asked && strcmp(asked, "none"))
    cbigan_backend_fail(&self->base, _("CBIGAN_GRAPHS: “%s”; expected none"), asked);
  return !self->base.failure;
}

static gboolean
read_precisions(CbiganCuda *self)
{
  if (!cbigan_cuda_read_capability(self))
    return FALSE;
  self->base.precisions = 1u << CBIGAN_PRECISION_FP32 | 1u << CBIGAN_PRECISION_FP16;
  if (self->capability >= CBIGAN_CUDA_BF16_CAPABILITY)
    self->base.precisions |= 1u << CBIGAN_PRECISION_BF16;
  return TRUE;
}

/* The stream is non-blocking: other users of the GPU in this process neither wait for it nor hold it up. */
static CbiganBackend *
cuda_open(const CbiganBackendOptions *options, GError **error)
{
  CbiganCuda *self = g_new0(CbiganCuda, 1);
  self->device = options->device;
  g_autofree char *why = options->cuda_context ? cbigan_cuda_use_context(self, options->cuda_context) : NULL;
  if (!why)
    why = cbigan_cuda_unavailable(self->device);
  if (why) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, why);
    g_free(self);
    return NULL;
  }
  self->base.threads = 1;
  /* CBIGAN_PRECISION_AUTO is not bf16: a model's bf16_error may come from the cpu backend, whose bf16 changes scores
   * less, as convolutions round their sums here. Nobody has measured the speed either. */
  self->base.precision = CBIGAN_PRECISION_FP32;
  self->readback.pending = g_array_new(FALSE, FALSE, sizeof(CbiganCudaResult));
  self->base.enter = cbigan_cuda_enter;
  cbigan_cuda_enter(&self->base);
  if (!self->base.failure && read_graphs(self) && read_precisions(self) &&
      CBIGAN_CUDA_TRY(self, cudaStreamCreateWithFlags(&self->stream, cudaStreamNonBlocking)) &&
      CBIGAN_CUDNN_TRY(self, cudnnCreate(&self->cudnn)) &&
      CBIGAN_CUDNN_TRY(self, cudnnSetStream(self->cudnn, self->stream)))
    return &self->base;
  cbigan_cuda_report(self, error);
  cuda_close(&self->base);
  return NULL;
}

/* A failure is kept here, and cbigan_backend_finish() reports it. */
static gboolean
cuda_finish(CbiganBackend *base, GError **error)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_readback_finish(self);
  return TRUE;
}

static void
dense(const CbiganCudaLayer *self, const float *x, float *y)
{
  CbiganCuda *cuda = self->base.cuda;
  const CbiganLayer *l = self->layer;
  const float *parameters = self->parameters;
  CBIGAN_CUDA_TRY(cuda,
                  cbigan_cuda_launch_dense(self->batch, (int)cbigan_shape_size(l->in), (int)cbigan_shape_size(l->out),
                                           x, parameters + l->weight, l->weight_stride,
                                           l->bias == CBIGAN_NO_OFFSET ? NULL : parameters + l->bias,
                                           cbigan_cuda_activation(l->activation), l->accumulate, y, cuda->stream));
}

static void
upsample(const CbiganCudaLayer *self, const float *x, float *y)
{
  CbiganCuda *cuda = self->base.cuda;
  const CbiganShape in = self->layer->in;
  CBIGAN_CUDA_TRY(cuda, cbigan_cuda_launch_upsample(self->batch * in.c, in.h, in.w, x, y, cuda->stream));
}

static void
avgpool(const CbiganCudaLayer *self, const float *x, float *y)
{
  CbiganCuda *cuda = self->base.cuda;
  const CbiganShape in = self->layer->in;
  CBIGAN_CUDA_TRY(cuda, cbigan_cuda_launch_avgpool(self->batch * in.c, in.h, in.w, x, y, cuda->stream));
}

static void
layer_free(CbiganPlan *base)
{
  CbiganCudaLayer *self = (CbiganCudaLayer *)base;
  cbigan_cuda_enter(&self->base.cuda->base);
  cbigan_cuda_convolution_clear(&self->convolution);
  if (self->weights)
    cbigan_cuda_free(&self->base.cuda->base, self->weights);
  g_free(base->inputs);
  g_free(base->outputs);
  g_free(self);
}

static void
layer_load(CbiganCudaPlan *base, const float *parameters)
{
  CbiganCudaLayer *self = (CbiganCudaLayer *)base;
  self->parameters = parameters;
  if (self->weights)
    cbigan_cuda_load_weights(base->cuda, self->layer, parameters, self->weights);
}

static void
layer_run(CbiganCudaPlan *base, float *const *values)
{
  static void (*const operations[])(const CbiganCudaLayer *, const float *x, float *y) = {
    [CBIGAN_CONV2D] = cbigan_cuda_conv2d,
    [CBIGAN_DENSE] = dense,
    [CBIGAN_UPSAMPLE] = upsample,
    [CBIGAN_AVGPOOL] = avgpool,
  };
  const CbiganCudaLayer *self = (const CbiganCudaLayer *)base;
  operations[self->layer->kind](self, values[self->layer->input], values[self->layer->output]);
}

static CbiganPlan *
plan_layer(CbiganCuda *cuda, const CbiganNetwork *network, int number, int batch, GError **error)
{
  const CbiganLayer *layer = &network->layers[number];
  CbiganCudaLayer *self = g_new0(CbiganCudaLayer, 1);
  CbiganPlan *plan = &self->base.base;
  self->base = (CbiganCudaPlan){
    .base = { .n_layers = 1, .free = layer_free }, .cuda = cuda, .load = layer_load, .run = layer_run
  };
  self->layer = layer;
  self->batch = batch;
  cbigan_network_boundary(network, number, 1, number + 1, CBIGAN_KEEP_ALL, &plan->inputs, &plan->outputs);
  if (layer->kind == CBIGAN_CONV2D &&
      cbigan_cuda_convolution_init_layer(cuda, &self->convolution, CBIGAN_CUDA_FORWARD, layer, batch) &&
      !(self->weights = cbigan_cuda_alloc(&cuda->base, cbigan_cuda_weights_size(layer))))
    cbigan_backend_fail(&cuda->base, _("out of memory for the weights of %s"), layer->name);
  if (cbigan_cuda_report(cuda, error))
    return plan;
  layer_free(plan);
  return NULL;
}

static CbiganPlan *
plan(CbiganBackend *base, const CbiganNetwork *network, int first, int end, int batch, const int *keep, GError **error)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CbiganPlan *steps = cbigan_keeps_all(keep) ? NULL : cbigan_cuda_fuse(self, network, first, end, batch, keep);
  return steps ? steps : plan_layer(self, network, first, batch, error);
}

static void
load(CbiganBackend *base, CbiganPlan *plan, const float *parameters)
{
  CbiganCudaPlan *p = (CbiganCudaPlan *)plan;
  p->load(p, parameters);
}

static void
run(CbiganBackend *base, CbiganPlan *plan, float *const *values)
{
  CbiganCudaPlan *p = (CbiganCudaPlan *)plan;
  p->run(p, values);
}

static const CbiganBackendClass cuda = {
  .name = "cuda",
  .unavailable = unavailable,
  .open = cuda_open,
  .close = cuda_close,
  .finish = cuda_finish,
  .alloc = cbigan_cuda_alloc,
  .free = cbigan_cuda_free,
  .upload = cbigan_cuda_upload,
  .download = cbigan_cuda_download,
  .plan = plan,
  .load = load,
  .run = run,
  .difference = cbigan_cuda_difference,
  .frame = cbigan_cuda_frame,
  .crop = cbigan_cuda_crop,
  .map = cbigan_cuda_map,
  .distances = cbigan_cuda_distances,
  .capture = cbigan_cuda_capture,
};

G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &cuda };
