/* gradients.c - the table of the CPU gradients, and their plans
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

/* What one kind of layer needs; NULL = nothing to do, or never called. */
typedef struct {
  gboolean (*plan)(CbiganCpu *self, CbiganCpuGradientPlan *plan, GError **error);
  void (*clear)(CbiganCpuGradientPlan *plan);
  void (*load)(CbiganCpu *self, CbiganCpuGradientPlan *plan);
  void (*data)(CbiganCpu *self, CbiganCpuGradientPlan *plan, const float *dy, float *dx, gboolean accumulate);
  void (*weights)(CbiganCpu *self, CbiganCpuGradientPlan *plan, const float *x, const float *dy, float *gradients);
} Operation;

static const Operation matrix = { cbigan_cpu_matrix_plan, cbigan_cpu_matrix_clear, cbigan_cpu_matrix_load,
                                  cbigan_cpu_matrix_data, cbigan_cpu_matrix_weights };
static const Operation convolution = { cbigan_cpu_conv2d_plan, cbigan_cpu_conv2d_clear, cbigan_cpu_conv2d_load,
                                       cbigan_cpu_conv2d_data, cbigan_cpu_conv2d_weights };
static const Operation upsample = { .data = cbigan_cpu_upsample_data };
static const Operation avgpool = { .data = cbigan_cpu_avgpool_data };

static const Operation *
operation_of(const CbiganLayer *layer)
{
  static const Operation *const operations[] = {
    [CBIGAN_CONV2D] = &convolution,
    [CBIGAN_DENSE] = &matrix,
    [CBIGAN_UPSAMPLE] = &upsample,
    [CBIGAN_AVGPOOL] = &avgpool,
  };
  return layer->kind == CBIGAN_CONV2D && layer->kernel == 1 ? &matrix : operations[layer->kind];
}

static void
plan_free(CbiganBackend *self, CbiganGradientPlan *base)
{
  CbiganCpuGradientPlan *plan = (CbiganCpuGradientPlan *)base;
  const Operation *operation = operation_of(base->layer);
  if (operation->clear)
    operation->clear(plan);
  cbigan_tangent_clear(&plan->tangent, self);
  g_free(plan->bias_sums);
  g_free(plan);
}

static CbiganGradientPlan *
plan_new(CbiganBackend *self, const CbiganLayer *layer, int batch, int tangent_batch, GError **error)
{
  CbiganCpuGradientPlan *plan = g_new0(CbiganCpuGradientPlan, 1);
  const Operation *operation = operation_of(layer);
  if (layer->bias != CBIGAN_NO_OFFSET)
    plan->bias_sums = g_new(double, batch *cbigan_shape_size(layer->out));
  if (cbigan_tangent_init(&plan->tangent, self, layer, batch, tangent_batch, error) &&
      (!operation->plan || operation->plan((CbiganCpu *)self, plan, error)))
    return &plan->tangent.base;
  plan_free(self, &plan->tangent.base);
  return NULL;
}

static void
load(CbiganBackend *self, CbiganGradientPlan *base, const float *parameters)
{
  CbiganCpuGradientPlan *plan = (CbiganCpuGradientPlan *)base;
  const Operation *operation = operation_of(base->layer);
  plan->parameters = parameters;
  cbigan_tangent_load(&plan->tangent, self, parameters);
  if (operation->load)
    operation->load((CbiganCpu *)self, plan);
}

static void
data(CbiganBackend *self, CbiganGradientPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  operation_of(plan->layer)->data((CbiganCpu *)self, (CbiganCpuGradientPlan *)plan, dy, dx, accumulate);
}

static void
weights(CbiganBackend *self, CbiganGradientPlan *plan, const float *x, const float *dy, float *gradients)
{
  operation_of(plan->layer)->weights((CbiganCpu *)self, (CbiganCpuGradientPlan *)plan, x, dy, gradients);
}

const CbiganGradients cbigan_gradients_cpu = {
  .name = "cpu",
  .plan = plan_new,
  .plan_free = plan_free,
  .load = load,
  .activation = cbigan_cpu_activation,
  .data = data,
  .weights = weights,
  .bias = cbigan_cpu_bias,
  .tangent = cbigan_tangent_run,
  .l1_gradient = cbigan_cpu_l1_gradient,
  .fill = cbigan_cpu_fill,
  .add = cbigan_cpu_add,
  .copy = cbigan_cpu_copy,
  .mix = cbigan_cpu_mix,
  .square_norms = cbigan_cpu_square_norms,
  .scale = cbigan_cpu_scale,
  .penalty = cbigan_cpu_penalty,
  .l1_sums = cbigan_cpu_l1_sums,
  .adam = cbigan_cpu_adam,
  .average = cbigan_cpu_average,
};
