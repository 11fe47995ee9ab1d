/* forward.c - plans a network's layers, gives their values buffers, runs the plans
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "forward.h"

#include <string.h>

/* Plans are numbered by their first layers. */
static void
find_lives(const CbiganForward *self, const int *keep, CbiganLife *lives)
{
  const CbiganNetwork *network = self->network;
  const CbiganLife always = { .first = 0, .last = self->n_layers };
  for (int v = 0; v < network->n_values; v++)
    lives[v] = cbigan_keeps_all(keep) ? always : (CbiganLife)CBIGAN_NEVER;
  for (int i = 0; i < self->n_layers; i++) {
    const CbiganPlan *plan = self->plans[i];
    for (const int *v = plan ? plan->inputs : NULL; v && *v >= 0; v++)
      lives[*v].last = MAX(lives[*v].last, i);
    for (const int *v = plan ? plan->outputs : NULL; v && *v >= 0; v++) {
      lives[*v].first = MIN(lives[*v].first, i);
      lives[*v].last = MAX(lives[*v].last, i);
    }
  }
  for (int v = 0; v < network->n_inputs; v++) /* callers read and refill them between runs */
    lives[v] = always;
  lives[network->layers[self->n_layers - 1].output].last = self->n_layers;
  for (; keep && *keep >= 0; keep++) /* also before the run: cbigan_forward_run_again() may not write it */
    lives[*keep] = always;
  for (int v = 0; v < network->n_values; v++)
    lives[v].size = cbigan_shape_size(network->values[v].shape);
}

static gboolean
allocate(CbiganForward *self, const int *keep, GError **error)
{
  int n_values = self->network->n_values, n_slots = 0;
  g_autofree CbiganLife *lives = g_new(CbiganLife, n_values);
  find_lives(self, keep, lives);
  g_autofree gsize *sizes = cbigan_lives_share(lives, n_values, &n_slots);
  self->buffers = g_new0(float *, n_slots);
  for (; self->n_buffers < n_slots; self->n_buffers++)
    if (!(self->buffers[self->n_buffers] =
              cbigan_backend_alloc(self->backend, sizes[self->n_buffers] * (gsize)self->batch, error)))
      return FALSE;
  self->values = g_new0(float *, n_values);
  for (int v = 0; v < n_values; v++)
    if (lives[v].slot >= 0)
      self->values[v] = self->buffers[lives[v].slot];
  return TRUE;
}

/* Without weights */
static CbiganForward *
open_forward(CbiganBackend *backend, const CbiganNetwork *network, int n_layers, int batch, const int *keep,
             const float *parameters, GError **error)
{
  g_return_val_if_fail(backend && network && parameters, NULL);
  g_return_val_if_fail(n_layers > 0 && n_layers <= network->n_layers && batch > 0, NULL);
  g_autoptr(CbiganForward) self = g_new0(CbiganForward, 1);
  *self = (CbiganForward){ .backend = backend,
                           .network = network,
                           .batch = batch,
                           .n_layers = n_layers,
                           .parameters = parameters,
                           .plans = g_new0(CbiganPlan *, n_layers) };
  for (int i = 0; i < n_layers; i += self->plans[i]->n_layers)
    if (!(self->plans[i] = cbigan_backend_plan(backend, network, i, n_layers, batch, keep, error)))
      return NULL;
  return allocate(self, keep, error) ? g_steal_pointer(&self) : NULL;
}

CbiganForward *
cbigan_forward_new(CbiganBackend *backend, const CbiganNetwork *network, int n_layers, int batch, const int *keep,
                   const float *parameters, GError **error)
{
  g_autoptr(CbiganForward) self = open_forward(backend, network, n_layers, batch, keep, parameters, error);
  if (!self)
    return NULL;
  cbigan_forward_load(self);
  return cbigan_backend_finish(backend, error) ? g_steal_pointer(&self) : NULL;
}

CbiganForward *
cbigan_forward_new_like(CbiganBackend *backend, const CbiganNetwork *network, const int *keep,
                        const CbiganForward *like, GError **error)
{
  g_return_val_if_fail(like, NULL);
  g_autoptr(CbiganForward) self =
      open_forward(backend, network, like->n_layers, like->batch, keep, like->parameters, error);
  if (!self)
    return NULL;
  for (int i = 0; i < self->n_layers; i++)
    if (self->plans[i])
      cbigan_backend_load(backend, self->plans[i], like->plans[i], like->parameters);
  return cbigan_backend_finish(backend, error) ? g_steal_pointer(&self) : NULL;
}

void
cbigan_forward_free(CbiganForward *self)
{
  if (!self)
    return;
  for (int i = 0; i < self->n_layers; i++)
    if (self->plans[i])
      self->plans[i]->free(self->plans[i]);
  for (int i = 0; i < self->n_buffers; i++)
    cbigan_backend_free(self->backend, self->buffers[i]);
  g_free(self->plans);
  g_free(self->packed);
  g_free(self->values);
  g_free(self->buffers);
  g_free(self);
}

void
cbigan_forward_load(CbiganForward *self)
{
  for (int i = 0; i < self->n_layers; i++)
    if (self->plans[i])
      cbigan_backend_load(self->backend, self->plans[i], NULL, self->parameters);
}

void
cbigan_forward_run(CbiganForward *self)
{
  for (int i = 0; i < self->n_layers; i++)
    if (self->plans[i])
      cbigan_backend_run(self->backend, self->plans[i], self->values);
}

/* Planes -> value 0 */
static void
upload_planes(CbiganForward *self, const CbiganPlanes *planes)
{
  const CbiganShape shape = self->network->values[0].shape;
  const gsize w = (gsize)shape.w, h = (gsize)shape.h;
  const float *data = planes->data + (gsize)planes->top * planes->row + planes->left;
  if (planes->row != w || planes->plane != w * h) {
    if (!self->packed)
      self->packed = g_new(float, cbigan_shape_size(shape));
    for (gsize row = 0; row < (gsize)shape.c * h; row++)
      memcpy(self->packed + row * w, data + row / h * planes->plane + row % h * planes->row, w * sizeof(float));
    data = self->packed;
  }
  cbigan_backend_upload(self->backend, shape, 1, data, self->values[0]);
}

static gboolean
reads_value(const CbiganPlan *plan, int value)
{
  const int *v = plan->inputs;
  while (*v >= 0 && *v != value)
    v++;
  return *v == value;
}

gboolean
cbigan_forward_run_planes(CbiganForward *self, const CbiganPlanes *planes)
{
  int readers = 0, first = 0;
  g_return_val_if_fail(self->network->n_inputs == 1 && self->batch == 1, FALSE);
  for (int i = 0; i < self->n_layers; i++)
    readers += self->plans[i] && reads_value(self->plans[i], 0);
  if (readers == 1 && cbigan_backend_run_planes(self->backend, self->plans[0], planes, self->values))
    first = self->plans[0]->n_layers;
  else if (planes->data)
    upload_planes(self, planes);
  else
    return FALSE;
  for (int i = first; i < self->n_layers; i++)
    if (self->plans[i])
      cbigan_backend_run(self->backend, self->plans[i], self->values);
  return TRUE;
}

void
cbigan_forward_run_again(CbiganForward *self, int input)
{
  gboolean changed[self->network->n_values];
  memset(changed, 0, sizeof changed);
  changed[input] = TRUE;
  for (int i = 0; i < self->n_layers; i++) {
    CbiganPlan *plan = self->plans[i];
    gboolean needed = FALSE;
    for (const int *v = plan ? plan->inputs : NULL; v && *v >= 0; v++)
      needed |= changed[*v];
    if (!needed)
      continue;
    for (const int *v = plan->outputs; *v >= 0; v++)
      changed[*v] = TRUE;
    cbigan_backend_run(self->backend, plan, self->values);
  }
}
