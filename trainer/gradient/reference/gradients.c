/* gradients.c - the table of the reference gradients
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

typedef void (*Data)(const CbiganGradReferencePlan *plan, const float *dy, float *dx, gboolean accumulate);
typedef void (*Weights)(const CbiganGradReferencePlan *plan, const float *x, const float *dy, float *gradients);

/* By the layer's kind; no weights: NULL, never called. */
static const struct {
  Data data;
  Weights weights;
} operations[] = {
  [CBIGAN_CONV2D] = { cbigan_grad_reference_conv2d_data, cbigan_grad_reference_conv2d_weights },
  [CBIGAN_DENSE] = { cbigan_grad_reference_dense_data, cbigan_grad_reference_dense_weights },
  [CBIGAN_UPSAMPLE] = { cbigan_grad_reference_upsample_data },
  [CBIGAN_AVGPOOL] = { cbigan_grad_reference_avgpool_data },
};

static void
plan_free(CbiganBackend *self, CbiganGradPlan *plan)
{
  g_free(plan);
}

static CbiganGradPlan *
plan_new(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error)
{
  CbiganGradReferencePlan *plan = g_new0(CbiganGradReferencePlan, 1);
  plan->base = (CbiganGradPlan){ .layer = layer, .batch = batch };
  return &plan->base;
}

static void
load(CbiganBackend *self, CbiganGradPlan *plan, const float *parameters)
{
  ((CbiganGradReferencePlan *)plan)->parameters = parameters;
}

static void
data(CbiganBackend *self, CbiganGradPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  operations[plan->layer->kind].data((CbiganGradReferencePlan *)plan, dy, dx, accumulate);
}

static void
weights(CbiganBackend *self, CbiganGradPlan *plan, const float *x, const float *dy, float *gradients)
{
  operations[plan->layer->kind].weights((CbiganGradReferencePlan *)plan, x, dy, gradients);
}

const CbiganGradients cbigan_gradients_reference = {
  .name = "reference",
  .plan = plan_new,
  .plan_free = plan_free,
  .load = load,
  .activation = cbigan_grad_reference_activation,
  .data = data,
  .weights = weights,
  .bias = cbigan_grad_reference_bias,
  .l1_gradient = cbigan_grad_reference_l1_gradient,
  .fill = cbigan_grad_reference_fill,
  .add = cbigan_grad_reference_add,
  .copy = cbigan_grad_reference_copy,
  .mix = cbigan_grad_reference_mix,
  .square_norms = cbigan_grad_reference_square_norms,
  .scale = cbigan_grad_reference_scale,
  .penalty = cbigan_grad_reference_penalty,
  .l1_sums = cbigan_grad_reference_l1_sums,
  .adam = cbigan_grad_reference_adam,
  .average = cbigan_grad_reference_average,
};
