/* tangent.c - the tangent pass of a layer, for any backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/tangent.h"

gboolean
cbigan_tangent_init(CbiganTangentPlan *plan, CbiganBackend *backend, const CbiganLayer *layer, int batch,
                    int tangent_batch, GError **error)
{
  plan->base = (CbiganGradPlan){ .layer = layer, .batch = batch, .tangent_batch = tangent_batch };
  plan->linear = *layer;
  plan->linear.activation = CBIGAN_LINEAR;
  plan->linear.bias = CBIGAN_NO_OFFSET;
  if (tangent_batch == 0)
    return TRUE;
  const CbiganBackendClass *k = backend->klass;
  plan->forward = (k->plan_training ? k->plan_training : k->plan)(backend, &plan->linear, tangent_batch, error);
  return plan->forward != NULL;
}

void
cbigan_tangent_clear(CbiganTangentPlan *plan, CbiganBackend *backend)
{
  if (plan->forward)
    backend->klass->plan_free(backend, plan->forward);
}

void
cbigan_tangent_load(CbiganTangentPlan *plan, CbiganBackend *backend, const float *parameters)
{
  if (plan->forward)
    backend->klass->load(backend, plan->forward, parameters);
}

/* Not cbigan_backend_run(): gradients in modules have a copy of this file, and the core's functions aren't theirs. */
void
cbigan_tangent_run(CbiganBackend *backend, CbiganGradPlan *plan, const float *x, float *y)
{
  const CbiganBackendClass *k = backend->klass;
  void (*const operations[])(CbiganBackend *, CbiganPlan *, const float *, float *) = {
    [CBIGAN_CONV2D] = k->conv2d,
    [CBIGAN_DENSE] = k->dense,
    [CBIGAN_UPSAMPLE] = k->upsample,
    [CBIGAN_AVGPOOL] = k->avgpool,
  };
  operations[plan->layer->kind](backend, ((CbiganTangentPlan *)plan)->forward, x, y);
}
