/* gradients.c - the table of the reference gradients
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

typedef void (*Data)(const CbiganReferenceGradientPlan *plan, const float *dy, float *dx, gboolean accumulate);
typedef void (*Weights)(const CbiganReferenceGradientPlan *plan, const float *x, const float *dy, float *gradients);

/* By the layer's kind; no weights: NULL, never called. */
static const struct {
  Data data;
  Weights weights;
} operations[] = {
  [CBIGAN_CONV2D] = { cbigan_reference_conv2d_data, cbigan_reference_conv2d_weights },
  [CBIGAN_DENSE] = { cbigan_reference_dense_data, cbigan_reference_dense_weights },
  [CBIGAN_UPSAMPLE] = { cbigan_reference_upsample_data },
  [CBIGAN_AVGPOOL] = { cbigan_reference_avgpool_data },
};

static void
plan_free(CbiganBackend *self, CbiganGradientPlan *plan)
{
  cbigan_tangent_clear((CbiganTangentPlan *)plan, self);
  g_free(plan);
}

static CbiganGradientPlan *
plan_new(CbiganBackend *self, const CbiganLayer *layer, int batch, int tangent_batch, GError **error)
{
  CbiganReferenceGradientPlan *plan = g_new0(CbiganReferenceGradientPlan, 1);
  if (!cbigan_tangent_init(&plan->tangent, self, layer, batch, tangent_batch, error)) {
    plan_free(self, &plan->tangent.base);
    return NULL;
  }
  return &plan->tangent.base;
}

static void
load(CbiganBackend *self, CbiganGradientPlan *plan, const float *parameters)
{
  ((CbiganReferenceGradientPlan *)plan)->parameters = parameters;
  cbigan_tangent_load((CbiganTangentPlan *)plan, self, parameters);
}

static void
data(CbiganBackend *self, CbiganGradientPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  operations[plan->layer->kind].data((CbiganReferenceGradientPlan *)plan, dy, dx, accumulate);
}

static void
weights(CbiganBackend *self, CbiganGradientPlan *plan, const float *x, const float *dy, float *gradients)
{
  operations[plan->layer->kind].weights((CbiganReferenceGradientPlan *)plan, x, dy, gradients);
}

const CbiganGradients cbigan_gradients_reference = {
  .name = "reference",
  .plan = plan_new,
  .plan_free = plan_free,
  .load = load,
  .activation = cbigan_reference_activation,
  .data = data,
  .weights = weights,
  .bias = cbigan_reference_bias,
  .tangent = cbigan_tangent_run,
  .l1_gradient = cbigan_reference_l1_gradient,
  .fill = cbigan_reference_fill,
  .add = cbigan_reference_add,
  .copy = cbigan_reference_copy,
  .mix = cbigan_reference_mix,
  .square_norms = cbigan_reference_square_norms,
  .scale = cbigan_reference_scale,
  .penalty = cbigan_reference_penalty,
  .l1_sums = cbigan_reference_l1_sums,
  .adam = cbigan_reference_adam,
  .average = cbigan_reference_average,
};
