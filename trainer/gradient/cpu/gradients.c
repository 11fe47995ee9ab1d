/* gradients.c - the table of the CPU gradients, and their plans
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

#include <stdlib.h>

#include "i18n.h"

static gboolean
is_matrix(const CbiganLayer *layer)
{
  return layer->kind == CBIGAN_DENSE || (layer->kind == CBIGAN_CONV2D && layer->kernel == 1);
}

static gboolean
plan_operation(CbiganCpu *self, CbiganCpuGradientPlan *plan, GError **error)
{
  static gboolean (*const planners[])(CbiganCpu *, CbiganCpuGradientPlan *, GError **) = {
    [CBIGAN_CONV2D] = cbigan_cpu_gradient_plan_conv2d,
    [CBIGAN_DENSE] = cbigan_cpu_gradient_plan_matrix,
    [CBIGAN_UPSAMPLE] = cbigan_cpu_gradient_plan_upsample,
    [CBIGAN_AVGPOOL] = cbigan_cpu_gradient_plan_avgpool,
  };
  const CbiganLayer *layer = plan->tangent.base.layer;
  return (is_matrix(layer) ? cbigan_cpu_gradient_plan_matrix : planners[layer->kind])(self, plan, error);
}

static void
plan_free(CbiganBackend *self, CbiganGradientPlan *base)
{
  CbiganCpuGradientPlan *plan = (CbiganCpuGradientPlan *)base;
  cbigan_tangent_clear(&plan->tangent, self);
  cbigan_cpu_matrix_clear(&plan->matrix);
  cbigan_cpu_primitive_clear(&plan->data);
  cbigan_cpu_primitive_clear(&plan->pack);
  cbigan_cpu_primitive_clear(&plan->weights);
  cbigan_cpu_primitive_clear(&plan->unpack);
  free(plan->packed);
  free(plan->gradient);
  free(plan->sum);
  g_free(plan->bias_sums);
  g_free(plan);
}

static CbiganGradientPlan *
plan_new(CbiganBackend *self, const CbiganLayer *layer, int batch, int tangent_batch, GError **error)
{
  CbiganCpuGradientPlan *plan = g_new0(CbiganCpuGradientPlan, 1);
  if (layer->bias != CBIGAN_NO_OFFSET)
    plan->bias_sums = g_new(double, batch * cbigan_shape_size(layer->out));
  if (cbigan_tangent_init(&plan->tangent, self, layer, batch, tangent_batch, error) &&
      plan_operation((CbiganCpu *)self, plan, error))
    return &plan->tangent.base;
  plan_free(self, &plan->tangent.base);
  return NULL;
}

static void
load(CbiganBackend *self, CbiganGradientPlan *base, const float *parameters)
{
  CbiganCpuGradientPlan *plan = (CbiganCpuGradientPlan *)base;
  plan->parameters = parameters;
  cbigan_tangent_load(&plan->tangent, self, parameters);
  cbigan_cpu_matrix_load(plan);
  if (!plan->packed)
    return;
  cbigan_cpu_set(&plan->pack, DNNL_ARG_FROM, parameters + base->layer->weight);
  cbigan_cpu_execute((CbiganCpu *)self, &plan->pack);
}

static void
run_data(CbiganBackend *self, CbiganCpuGradientPlan *plan, const float *dy, float *dx)
{
  cbigan_cpu_set(&plan->data, DNNL_ARG_DIFF_DST, dy);
  cbigan_cpu_set(&plan->data, DNNL_ARG_DIFF_SRC, dx);
  cbigan_cpu_execute((CbiganCpu *)self, &plan->data);
}

static void
data(CbiganBackend *self, CbiganGradientPlan *base, const float *dy, float *dx, gboolean accumulate)
{
  CbiganCpuGradientPlan *plan = (CbiganCpuGradientPlan *)base;
  const gsize size = base->batch * cbigan_shape_size(base->layer->in);
  if (is_matrix(base->layer)) {
    cbigan_cpu_matrix_data((CbiganCpu *)self, plan, dy, dx, accumulate);
  } else if (!accumulate) {
    run_data(self, plan, dy, dx);
  } else if (plan->sum || (plan->sum = self->klass->alloc(self, size))) {
    run_data(self, plan, dy, plan->sum); /* oneDNN's backward passes can't add to their result */
    cbigan_cpu_add(self, size, plan->sum, dx);
  } else {
    cbigan_backend_fail(self, _("%s: out of memory"), base->layer->name);
  }
}

static void
weights(CbiganBackend *self, CbiganGradientPlan *base, const float *x, const float *dy, float *gradients)
{
  CbiganCpuGradientPlan *plan = (CbiganCpuGradientPlan *)base;
  CbiganCpu *cpu = (CbiganCpu *)self;
  if (is_matrix(base->layer)) {
    cbigan_cpu_matrix_weights(cpu, plan, x, dy, gradients);
    return;
  }
  cbigan_cpu_set(&plan->weights, DNNL_ARG_SRC, x);
  cbigan_cpu_set(&plan->weights, DNNL_ARG_DIFF_DST, dy);
  cbigan_cpu_execute(cpu, &plan->weights);
  cbigan_cpu_set(&plan->unpack, DNNL_ARG_TO, gradients + base->layer->weight);
  cbigan_cpu_execute(cpu, &plan->unpack);
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
  .mix = cbigan_cpu_mix,
  .square_norms = cbigan_cpu_square_norms,
  .scale = cbigan_cpu_scale,
  .sum = cbigan_cpu_sum,
  .adam = cbigan_cpu_adam,
  .average = cbigan_cpu_average,
};
