/* cuda.c - the cuda backend: opening, plans, the operations that are one kernel, the table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/cuda.h"
#include "backend/cuda/fused/fused.h"

#include <gmodule.h>
#include <string.h>

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
  cbigan_cudnn_graphs_clear(self);
  if (self->cudnn)
    cudnnDestroy(self->cudnn);
  cbigan_cuda_mail_clear(&self->outbox);
  cbigan_cuda_mail_clear(&self->inbox);
  cbigan_cuda_mail_clear(&self->results);
  cudaFree(self->workspace);
  if (self->sent)
    cudaEventDestroy(self->sent);
  if (self->stream)
    cudaStreamDestroy(self->stream);
  g_clear_pointer(&self->choices, g_array_unref);
  g_clear_pointer(&self->awaited, g_array_unref);
  g_clear_pointer(&self->cudnn_graphs, g_ptr_array_unref);
  g_clear_error(&self->base.failure);
  g_free(self);
}

static gboolean
read_capability(CbiganCuda *self)
{
  int major = 0, minor = 0;
  if (!CBIGAN_CUDA_TRY(self, cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, self->device)) ||
      !CBIGAN_CUDA_TRY(self, cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, self->device)))
    return FALSE;
  self->capability = 10 * major + minor;
  return TRUE;
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

/* Not the stream that all share: another user of the GPU in this process must not wait for us, nor we for it. */
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
  self->choices = g_array_new(FALSE, FALSE, sizeof(CbiganCudaChoice));
  self->awaited = g_array_new(FALSE, FALSE, sizeof(CbiganCudaResult));
  self->cudnn_graphs = g_ptr_array_new();
  cbigan_cuda_enter(self);
  if (!self->base.failure && read_graphs(self) && read_capability(self) &&
      CBIGAN_CUDA_TRY(self, cudaStreamCreateWithFlags(&self->stream, cudaStreamNonBlocking)) &&
      CBIGAN_CUDA_TRY(self, cudaEventCreateWithFlags(&self->sent, cudaEventDisableTiming)) &&
      CBIGAN_CUDNN_TRY(self, cudnnCreate(&self->cudnn)) &&
      CBIGAN_CUDNN_TRY(self, cudnnSetStream(self->cudnn, self->stream)))
    return &self->base;
  cbigan_cuda_report(self, error);
  cuda_close(&self->base);
  return NULL;
}

/* What fails is kept, and reported by whoever asked. */
static gboolean
cuda_finish(CbiganBackend *base, GError **error)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  cbigan_cuda_results_give(self);
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
      cbigan_cuda_convolution_init(self, &p->convolution, CBIGAN_CUDA_FORWARD, layer, batch) &&
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

CbiganCudaActivation
cbigan_cuda_activation(CbiganActivation activation)
{
  static const CbiganCudaActivation activations[] = {
    [CBIGAN_LINEAR] = { .slope = 1.0f },
    [CBIGAN_LEAKY] = { .slope = CBIGAN_LEAKY_SLOPE },
    [CBIGAN_TANH] = { .tanh = TRUE },
  };
  return activations[activation];
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

static void
l1(CbiganBackend *base, int n, gsize size, const float *a, const float *b, float *difference, double *sums)
{
  CbiganCuda *self = (CbiganCuda *)base;
  double *partial = cbigan_cuda_result(
      self, (CbiganCudaResult){ .kind = CBIGAN_CUDA_SUMS, .groups = n, .parts = cbigan_cuda_parts(size), .to = sums });
  if (partial)
    CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_l1(n, size, a, b, difference, partial, self->stream));
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
  .description = N_("an NVIDIA GPU, with cuDNN"),
  .unavailable = unavailable,
  .open = cuda_open,
  .close = cuda_close,
  .finish = cuda_finish,
  .alloc = cbigan_cuda_alloc,
  .free = cbigan_cuda_free,
  .upload = cbigan_cuda_upload,
  .download = cbigan_cuda_download,
  .patches = cbigan_cuda_patches,
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
  .l1 = l1,
  .record = cbigan_cuda_record,
  .recording_free = cbigan_cuda_recording_free,
  .distances = cbigan_cuda_distances,
  .intake = cbigan_cuda_intake,
  .subtract = cbigan_cuda_subtract,
  .map = cbigan_cuda_map,
  .deviations = cbigan_cuda_deviations,
  .peak = cbigan_cuda_peak,
};

G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &cuda };
