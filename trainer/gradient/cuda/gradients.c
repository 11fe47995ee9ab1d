/* gradients.c - the cuda gradients: plans and gradients of layers, the function table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cuda/gradients.h"

#include <gmodule.h>

#include "backend/module.h"
#include "i18n.h"

static void
plan_free(CbiganBackend *self, CbiganGradPlan *base)
{
  CbiganGradCudaPlan *plan = (CbiganGradCudaPlan *)base;
  cbigan_grad_cuda_conv2d_clear((CbiganCuda *)self, plan); /* zero for other layers */
  g_free(plan);
}

static CbiganGradPlan *
plan_new(CbiganBackend *base, const CbiganLayer *layer, int batch, GError **error)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CbiganGradCudaPlan *plan = g_new0(CbiganGradCudaPlan, 1);
  plan->base = (CbiganGradPlan){ .layer = layer, .batch = batch };
  if (layer->kind != CBIGAN_CONV2D || cbigan_grad_cuda_conv2d_plan(self, plan))
    return &plan->base;
  cbigan_cuda_report(self, error);
  plan_free(base, &plan->base);
  return NULL;
}

static void
load(CbiganBackend *base, CbiganGradPlan *gradient_plan, const float *parameters)
{
  CbiganGradCudaPlan *plan = (CbiganGradCudaPlan *)gradient_plan;
  CbiganCuda *self = (CbiganCuda *)base;
  plan->parameters = parameters;
  if (plan->weights)
    cbigan_grad_cuda_conv2d_load(self, plan);
}

static void
activation(CbiganBackend *base, CbiganActivation kind, gsize n_floats, const float *y, float *dy)
{
  CbiganCuda *self = (CbiganCuda *)base;
  if (kind == CBIGAN_LINEAR)
    return;
  CBIGAN_CUDA_TRY(
      self, cbigan_grad_cuda_launch_activation_gradient(n_floats, cbigan_cuda_activation(kind), y, dy, self->stream));
}

static void
data(CbiganBackend *base, CbiganGradPlan *gradient_plan, const float *dy, float *dx, gboolean accumulate)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const CbiganGradCudaPlan *plan = (const CbiganGradCudaPlan *)gradient_plan;
  const CbiganLayer *l = gradient_plan->layer;
  const int planes = gradient_plan->batch * l->in.c;
  switch (l->kind) {
  case CBIGAN_CONV2D:
    cbigan_grad_cuda_conv2d_data(self, plan, dy, dx, accumulate);
    break;
  case CBIGAN_DENSE:
    CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_dense_data(
                              gradient_plan->batch, (int)cbigan_shape_size(l->in), (int)cbigan_shape_size(l->out),
                              plan->parameters + l->weight, l->weight_stride, dy, accumulate, dx, self->stream));
    break;
  case CBIGAN_UPSAMPLE:
    CBIGAN_CUDA_TRY(self,
                    cbigan_grad_cuda_launch_upsample_data(planes, l->in.h, l->in.w, dy, accumulate, dx, self->stream));
    break;
  case CBIGAN_AVGPOOL:
    CBIGAN_CUDA_TRY(self,
                    cbigan_grad_cuda_launch_avgpool_data(planes, l->in.h, l->in.w, dy, accumulate, dx, self->stream));
    break;
  }
}

static void
weights(CbiganBackend *base, CbiganGradPlan *gradient_plan, const float *x, const float *dy, float *gradients)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const CbiganLayer *l = gradient_plan->layer;
  if (l->kind == CBIGAN_CONV2D)
    cbigan_grad_cuda_conv2d_weights(self, (const CbiganGradCudaPlan *)gradient_plan, x, dy, gradients);
  else
    CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_dense_weights(gradient_plan->batch, (int)cbigan_shape_size(l->in),
                                                                (int)cbigan_shape_size(l->out), x, dy, l->weight_stride,
                                                                gradients + l->weight, self->stream));
}

/* A bias has one number per output of a dense layer, and one per channel of a convolution. */
static void
bias(CbiganBackend *base, CbiganGradPlan *plan, int n, const float *dy, float *gradients)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const CbiganLayer *l = plan->layer;
  const int positions = l->kind == CBIGAN_DENSE ? 1 : l->out.h * l->out.w;
  const int channels = (int)cbigan_shape_size(l->out) / positions;
  const gsize parts = (gsize)cbigan_cuda_parts((gsize)n * (gsize)positions);
  double *partial = cbigan_cuda_partial(self, (gsize)channels * parts * sizeof(double));
  if (partial)
    CBIGAN_CUDA_TRY(
        self, cbigan_grad_cuda_launch_bias(n, channels, positions, dy, partial, gradients + l->bias, self->stream));
}

static const CbiganGradients cuda = {
  .name = "cuda",
  .plan = plan_new,
  .plan_free = plan_free,
  .load = load,
  .activation = activation,
  .data = data,
  .weights = weights,
  .bias = bias,
  .l1_gradient = cbigan_grad_cuda_l1_gradient,
  .fill = cbigan_grad_cuda_fill,
  .add = cbigan_grad_cuda_add,
  .copy = cbigan_grad_cuda_copy,
  .mix = cbigan_grad_cuda_mix,
  .square_norms = cbigan_grad_cuda_square_norms,
  .scale = cbigan_grad_cuda_scale,
  .penalty = cbigan_grad_cuda_penalty,
  .l1_sums = cbigan_grad_cuda_l1_sums,
  .adam = cbigan_grad_cuda_adam,
  .average = cbigan_grad_cuda_average,
  .staging_new = cbigan_grad_cuda_staging_new,
  .staging_free = cbigan_grad_cuda_staging_free,
  .staging_send = cbigan_grad_cuda_staging_send,
  .staging_receive = cbigan_grad_cuda_staging_receive,
  .staging_wait = cbigan_grad_cuda_staging_wait,
  .store = cbigan_grad_cuda_store,
  .stored_free = cbigan_grad_cuda_stored_free,
  .cut = cbigan_grad_cuda_cut,
};

G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &cuda };
