/* gradients.c - the table of the CPU gradients, and their plans
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"
#include "gradient/reference/reference.h"
#include "model/error.h"

/* What one kind of layer needs; NULL = nothing to do, or never called. */
typedef struct {
  gboolean (*plan)(CbiganCpu *self, CbiganGradCpuPlan *plan, GError **error);
  void (*clear)(CbiganGradCpuPlan *plan);
  void (*load)(CbiganCpu *self, CbiganGradCpuPlan *plan);
  void (*data)(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx, gboolean accumulate);
  void (*weights)(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *x, const float *dy, float *gradients);
} Operation;

static const Operation matrix = { cbigan_grad_cpu_matrix_plan, cbigan_grad_cpu_matrix_clear,
                                  cbigan_grad_cpu_matrix_load, cbigan_grad_cpu_matrix_data,
                                  cbigan_grad_cpu_matrix_weights };
static const Operation convolution = { cbigan_grad_cpu_conv2d_plan, cbigan_grad_cpu_conv2d_clear,
                                       cbigan_grad_cpu_conv2d_load, cbigan_grad_cpu_conv2d_data,
                                       cbigan_grad_cpu_conv2d_weights };
static const Operation resample = { .data = cbigan_grad_cpu_resample_data };

static const Operation *
operation_of(const CbiganLayer *layer)
{
  static const Operation *const operations[] = {
    [CBIGAN_CONV2D] = &convolution,
    [CBIGAN_DENSE] = &matrix,
    [CBIGAN_UPSAMPLE] = &resample,
    [CBIGAN_AVGPOOL] = &resample,
  };
  return layer->kind == CBIGAN_CONV2D && layer->kernel == 1 ? &matrix : operations[layer->kind];
}

static void
plan_free(CbiganBackend *self, CbiganGradPlan *base)
{
  CbiganGradCpuPlan *plan = (CbiganGradCpuPlan *)base;
  const Operation *operation = operation_of(base->layer);
  if (operation->clear)
    operation->clear(plan);
  g_free(plan->bias_sums);
  g_free(plan);
}

static CbiganGradPlan *
plan_new(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error)
{
  CbiganGradCpuPlan *plan = g_new0(CbiganGradCpuPlan, 1);
  const Operation *operation = operation_of(layer);
  plan->base = (CbiganGradPlan){ .layer = layer, .batch = batch };
  if (layer->bias == CBIGAN_NO_OFFSET ||
      (plan->bias_sums = cbigan_try_new(double, (gsize)batch *cbigan_shape_size(layer->out), error)))
    if (!operation->plan || operation->plan((CbiganCpu *)self, plan, error))
      return &plan->base;
  plan_free(self, &plan->base);
  return NULL;
}

static void
load(CbiganBackend *self, CbiganGradPlan *base, const float *parameters)
{
  CbiganGradCpuPlan *plan = (CbiganGradCpuPlan *)base;
  const Operation *operation = operation_of(base->layer);
  plan->parameters = parameters;
  if (operation->load)
    operation->load((CbiganCpu *)self, plan);
}

static void
data(CbiganBackend *self, CbiganGradPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  operation_of(plan->layer)->data((CbiganCpu *)self, (CbiganGradCpuPlan *)plan, dy, dx, accumulate);
}

static void
weights(CbiganBackend *self, CbiganGradPlan *plan, const float *x, const float *dy, float *gradients)
{
  operation_of(plan->layer)->weights((CbiganCpu *)self, (CbiganGradCpuPlan *)plan, x, dy, gradients);
}

const CbiganGradients cbigan_gradients_cpu = {
  .name = "cpu",
  .plan = plan_new,
  .plan_free = plan_free,
  .load = load,
  .activation = cbigan_grad_cpu_activation,
  .data = data,
  .weights = weights,
  .bias = cbigan_grad_cpu_bias,
  .l1_gradient = cbigan_grad_cpu_l1_gradient,
  .fill = cbigan_grad_cpu_fill,
  .add = cbigan_grad_cpu_add,
  .copy = cbigan_grad_reference_copy,
  .mix = cbigan_grad_cpu_mix,
  .square_norms = cbigan_grad_cpu_square_norms,
  .scale = cbigan_grad_cpu_scale,
  .penalty = cbigan_grad_reference_penalty,
  .l1_sums = cbigan_grad_reference_l1_sums,
  .adam = cbigan_grad_cpu_adam,
  .average = cbigan_grad_cpu_average,
};
