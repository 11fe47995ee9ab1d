/* cuda.c - the cuda backend: opening, plans, operations of one kernel, the function table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gmodule.h>
#include <string.h>

#include "backend/cuda/conv2d.h"
#include "backend/cuda/device.h"
#include "backend/cuda/memory.h"
#include "backend/cuda/operations.h"
#include "backend/cuda/readback.h"
#include "backend/module.h"
#include "cbigan.h"
#include "i18n.h"

static char *
unavailable(void)
{
  return cbigan_cuda_unavailable(-1);
}

static void
cuda_close(CbiganBackend *base)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
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
    cbigan_backend_fail(&self->base, _("CBIGAN_GRAPHS: “%s”, expected none"), asked);
  return !self->base.failure;
}

/* The stream is non-blocking: other users of the GPU in this process neither wait for it nor hold it up. */
static CbiganBackend *
cuda_open(int device, int threads, gpointer cuda_context, GError **error)
{
  CbiganCuda *self = g_new0(CbiganCuda, 1);
  self->device = device;
  g_autofree char *why = cuda_context ? cbigan_cuda_use_context(self, cuda_context) : NULL;
  if (!why)
    why = cbigan_cuda_unavailable(self->device);
  if (why) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, why);
    g_free(self);
    return NULL;
  }
  self->base.threads = 1;
  self->precision = CBIGAN_PRECISION_FP32;
  self->readback.pending = g_array_new(FALSE, FALSE, sizeof(CbiganCudaResult));
  cbigan_cuda_enter(self);
  if (!self->base.failure && read_graphs(self) && cbigan_cuda_read_capability(self) &&
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
  cbigan_cuda_enter(self);
  cbigan_cuda_readback_finish(self);
  return TRUE;
}

static void
plan_free(CbiganBackend *self, CbiganPlan *plan)
{
  CbiganCudaPlan *p = (CbiganCudaPlan *)plan;
  cbigan_cuda_convolution_clear(&p->convolution);
  if (p->weights)
    cbigan_cuda_free(self, p->weights);
  g_free(p);
}

static CbiganPlan *
plan_new(CbiganBackend *base, const CbiganLayer *layer, int batch, GError **error)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CbiganCudaPlan *p = g_new0(CbiganCudaPlan, 1);
  p->base = (CbiganPlan){ layer, batch };
  cbigan_cuda_enter(self);
  if (layer->kind == CBIGAN_CONV2D &&
      cbigan_cuda_convolution_init_layer(self, &p->convolution, CBIGAN_CUDA_FORWARD, layer, batch) &&
      !(p->weights = cbigan_cuda_alloc(base, cbigan_cuda_weights_size(layer))))
    cbigan_backend_fail(base, _("no memory for the weights of %s"), layer->name);
  if (cbigan_cuda_report(self, error))
    return &p->base;
  plan_free(base, &p->base);
  return NULL;
}

static void
load(CbiganBackend *base, CbiganPlan *plan, const float *parameters)
{
  CbiganCudaPlan *p = (CbiganCudaPlan *)plan;
  CbiganCuda *self = (CbiganCuda *)base;
  p->parameters = parameters;
  cbigan_cuda_enter(self);
  if (p->weights)
    cbigan_cuda_load_weights(self, plan->layer, parameters, p->weights);
}

static void
dense(CbiganBackend *base, CbiganPlan *plan, const float *x, float *y)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const CbiganLayer *l = plan->layer;
  const float *parameters = ((CbiganCudaPlan *)plan)->parameters;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self,
                  cbigan_cuda_launch_dense(plan->batch, (int)cbigan_shape_size(l->in), (int)cbigan_shape_size(l->out),
                                           x, parameters + l->weight, l->weight_stride,
                                           l->bias == CBIGAN_NO_OFFSET ? NULL : parameters + l->bias,
                                           cbigan_cuda_activation(l->activation), l->accumulate, y, self->stream));
}

static void
upsample(CbiganBackend *base, CbiganPlan *plan, const float *x, float *y)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const CbiganShape in = plan->layer->in;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_upsample(plan->batch * in.c, in.h, in.w, x, y, self->stream));
}

static void
avgpool(CbiganBackend *base, CbiganPlan *plan, const float *x, float *y)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const CbiganShape in = plan->layer->in;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_avgpool(plan->batch * in.c, in.h, in.w, x, y, self->stream));
}

static guint
precisions(const CbiganBackend *base)
{
  guint all = 1u << CBIGAN_PRECISION_FP32 | 1u << CBIGAN_PRECISION_FP16;
  if (((const CbiganCuda *)base)->capability >= CBIGAN_CUDA_BF16_CAPABILITY)
    all |= 1u << CBIGAN_PRECISION_BF16;
  return all;
}

static void
set_precision(CbiganBackend *base, CbiganPrecision precision)
{
  ((CbiganCuda *)base)->precision = precision;
}

/* No prefers_bf16: a model's bf16_error may come from the cpu backend, whose bf16 changes scores less (convolutions
 * round their sums here), and nobody has measured the speed. So bf16 must be asked for. */
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
  .plan = plan_new,
  .plan_free = plan_free,
  .load = load,
  .conv2d = cbigan_cuda_conv2d,
  .dense = dense,
  .upsample = upsample,
  .avgpool = avgpool,
  .fuse = cbigan_cuda_fuse,
  .precisions = precisions,
  .set_precision = set_precision,
  .difference = cbigan_cuda_difference,
  .frame = cbigan_cuda_frame,
  .crop = cbigan_cuda_crop,
  .map = cbigan_cuda_map,
  .distances = cbigan_cuda_distances,
  .capture = cbigan_cuda_capture,
};

G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &cuda };
