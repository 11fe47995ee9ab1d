/* gradient.c - finds the gradients of a backend, and checks the arguments of their operations
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A new gradient backend is a row of `known`. Without bias and activation every layer is linear, so its tangent pass is
 * the forward operation on a copy of the layer that has neither.
 */
#include "gradient/gradient.h"

#include <math.h>
#include <string.h>

#include "i18n.h"
#include "model/liveness.h"

gboolean
cbigan_grad_init(CbiganGrad *self, CbiganBackend *backend, GError **error)
{
  static const CbiganGradients *const known[] = { &cbigan_gradients_reference, &cbigan_gradients_cpu };
  const char *name = cbigan_backend_name(backend);
  *self = (CbiganGrad){ .backend = backend };
  for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
    if (!strcmp(known[i]->name, name))
      self->table = known[i];
  if (!strcmp(name, "cuda"))
    self->table = cbigan_gradients_cuda();
  if (!self->table)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("backend “%s” can score, but not train"), name);
  return self->table != NULL;
}

/* The function table, with the backend's context current */
static const CbiganGradients *
enter(const CbiganGrad *self)
{
  cbigan_backend_enter(self->backend);
  return self->table;
}

CbiganGradPlan *
cbigan_grad_plan(const CbiganGrad *self, const CbiganLayer *layer, int batch, int tangent_batch, GError **error)
{
  g_return_val_if_fail(self && layer && batch > 0 && tangent_batch >= 0, NULL);
  CbiganGradPlan *plan = enter(self)->plan(self->backend, layer, batch, error);
  if (!plan || tangent_batch == 0)
    return plan;
  CbiganLayer linear = *layer;
  linear.activation = CBIGAN_LINEAR;
  linear.bias = CBIGAN_NO_OFFSET;
  cbigan_layer_network_init(&plan->linear, &linear);
  plan->tangent =
      cbigan_backend_plan(self->backend, &plan->linear.network, 0, 1, tangent_batch, CBIGAN_KEEP_ALL, error);
  if (!plan->tangent)
    cbigan_grad_plan_free(self, g_steal_pointer(&plan));
  return plan;
}

void
cbigan_grad_plan_free(const CbiganGrad *self, CbiganGradPlan *plan)
{
  g_return_if_fail(self);
  if (!plan)
    return;
  if (plan->tangent)
    plan->tangent->free(plan->tangent);
  enter(self)->plan_free(self->backend, plan);
}

void
cbigan_grad_load(const CbiganGrad *self, CbiganGradPlan *plan, const float *parameters)
{
  g_return_if_fail(self && plan && parameters);
  enter(self)->load(self->backend, plan, parameters);
  if (plan->tangent)
    cbigan_backend_load(self->backend, plan->tangent, NULL, parameters);
}

void
cbigan_grad_activation(const CbiganGrad *self, CbiganActivation activation, gsize n, const float *y, float *dy)
{
  g_return_if_fail(self && n > 0 && y && dy && y != dy);
  enter(self)->activation(self->backend, activation, n, y, dy);
}

void
cbigan_grad_data(const CbiganGrad *self, CbiganGradPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  g_return_if_fail(self && plan && dy && dx && dy != dx);
  enter(self)->data(self->backend, plan, dy, dx, accumulate);
}

void
cbigan_grad_weights(const CbiganGrad *self, CbiganGradPlan *plan, const float *x, const float *dy, float *gradients)
{
  g_return_if_fail(self && plan && plan->layer->weight != CBIGAN_NO_OFFSET && x && dy && gradients);
  enter(self)->weights(self->backend, plan, x, dy, gradients);
}

void
cbigan_grad_bias(const CbiganGrad *self, CbiganGradPlan *plan, int n, const float *dy, float *gradients)
{
  g_return_if_fail(self && plan && plan->layer->bias != CBIGAN_NO_OFFSET && dy && gradients);
  g_return_if_fail(n > 0 && n <= plan->batch);
  enter(self)->bias(self->backend, plan, n, dy, gradients);
}

void
cbigan_grad_tangent(const CbiganGrad *self, CbiganGradPlan *plan, const float *x, float *y)
{
  g_return_if_fail(self && plan && plan->tangent);
  cbigan_backend_run(self->backend, plan->tangent, (float *[]){ (float *)x, y });
}

void
cbigan_grad_fill(const CbiganGrad *self, gsize n, float value, float *x)
{
  g_return_if_fail(self && n > 0 && x);
  enter(self)->fill(self->backend, n, value, x);
}

void
cbigan_grad_add(const CbiganGrad *self, gsize n, const float *x, float *y)
{
  g_return_if_fail(self && n > 0 && x && y && x != y);
  enter(self)->add(self->backend, n, x, y);
}

void
cbigan_grad_copy(const CbiganGrad *self, gsize n, const float *x, float *y)
{
  g_return_if_fail(self && n > 0 && x && y && x != y);
  enter(self)->copy(self->backend, n, x, y);
}

void
cbigan_grad_mix(const CbiganGrad *self, int n, gsize size, const float *e, const float *a, const float *b, float *out)
{
  g_return_if_fail(self && n > 0 && size > 0 && e && a && b && out);
  enter(self)->mix(self->backend, n, size, e, a, b, out);
}

void
cbigan_grad_scale(const CbiganGrad *self, int n, gsize size, const float *e, const float *x, float *out)
{
  g_return_if_fail(self && n > 0 && size > 0 && e && x && out);
  enter(self)->scale(self->backend, n, size, e, x, out);
}

void
cbigan_grad_l1_gradient(const CbiganGrad *self, gsize n, const float *a, const float *b, float scale, float *da)
{
  g_return_if_fail(self && n > 0 && a && b && da);
  enter(self)->l1_gradient(self->backend, n, a, b, scale, da);
}

void
cbigan_grad_l1_sums(const CbiganGrad *self, int n, gsize size, const float *a, const float *b, double *out)
{
  g_return_if_fail(self && n > 0 && size > 0 && a && b && out);
  enter(self)->l1_sums(self->backend, n, size, a, b, out);
}

void
cbigan_grad_square_norms(const CbiganGrad *self, int n, gsize size, const float *x, double *out)
{
  g_return_if_fail(self && n > 0 && size > 0 && x && out);
  enter(self)->square_norms(self->backend, n, size, x, out);
}

void
cbigan_grad_penalty(const CbiganGrad *self, int n, double weight, const double *squares, float *factors)
{
  g_return_if_fail(self && n > 0 && weight >= 0.0 && squares && factors);
  enter(self)->penalty(self->backend, n, weight, squares, factors);
}

void
cbigan_grad_adam(const CbiganGrad *self, gsize n, const CbiganUpdate *update, float *gradients, float *m, float *v,
                 float *parameters)
{
  g_return_if_fail(self && n > 0 && update && gradients && m && v && parameters);
  enter(self)->adam(self->backend, n, update, gradients, m, v, parameters);
}

void
cbigan_grad_average(const CbiganGrad *self, gsize n, const CbiganUpdate *update, const float *x, float *mean)
{
  g_return_if_fail(self && n > 0 && update && x && mean);
  enter(self)->average(self->backend, n, update, x, mean);
}

CbiganStaging *
cbigan_grad_staging_new(const CbiganGrad *self, gsize size)
{
  g_return_val_if_fail(self && size > 0, NULL);
  return self->table->staging_new ? enter(self)->staging_new(self->backend, size) : NULL;
}

void
cbigan_grad_staging_free(const CbiganGrad *self, CbiganStaging *staging)
{
  g_return_if_fail(self);
  if (staging)
    enter(self)->staging_free(self->backend, staging);
}

void
cbigan_grad_staging_send(const CbiganGrad *self, CbiganStaging *staging)
{
  g_return_if_fail(self && staging);
  enter(self)->staging_send(self->backend, staging);
}

gconstpointer
cbigan_grad_staging_receive(const CbiganGrad *self, CbiganStaging *staging)
{
  g_return_val_if_fail(self && staging, NULL);
  return enter(self)->staging_receive(self->backend, staging);
}

void
cbigan_grad_staging_wait(const CbiganGrad *self, CbiganStaging *staging)
{
  g_return_if_fail(self && staging);
  enter(self)->staging_wait(self->backend, staging);
}

CbiganStored *
cbigan_grad_store(const CbiganGrad *self, guint n, const CbiganFrame *pictures)
{
  g_return_val_if_fail(self && n > 0 && pictures, NULL);
  return self->table->store ? enter(self)->store(self->backend, n, pictures) : NULL;
}

void
cbigan_grad_stored_free(const CbiganGrad *self, CbiganStored *stored)
{
  g_return_if_fail(self);
  if (stored)
    enter(self)->stored_free(self->backend, stored);
}

void
cbigan_grad_cut(const CbiganGrad *self, const CbiganStored *stored, int n, const CbiganCut *cuts, int side, float *x)
{
  g_return_if_fail(self && stored && n > 0 && cuts && side > 0 && x);
  enter(self)->cut(self->backend, stored, n, cuts, side, x);
}

CbiganUpdate
cbigan_update_numbers(guint count, float rate, float beta1, float beta2, float epsilon, float decay)
{
  const double correction1 = 1.0 - pow((double)beta1, count), correction2 = 1.0 - pow((double)beta2, count);
  return (CbiganUpdate){ .rate = (double)rate,
                         .correction1 = correction1,
                         .correction2 = correction2,
                         .scale = (float)((double)rate / correction1),
                         .root = (float)(1.0 / sqrt(correction2)),
                         .beta1 = beta1,
                         .beta2 = beta2,
                         .epsilon = epsilon,
                         .decay = decay };
}
