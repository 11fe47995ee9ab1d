/* forward.c - runs a network's layers; decides which values share a buffer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "forward.h"

#include <string.h>

/* A value is alive from the layer that starts it to the last that reads or completes it. */
typedef struct {
  int first, last; /* layers; first = -1: before the pass; last = n_layers: still needed after the pass */
  gboolean used;
} Life;

typedef struct {
  gsize size;  /* floats of one sample */
  int free_at; /* first layer that may write it again */
} Slot;

/* Layers from layer i on that are done as one. */
static int
next_layer(const CbiganForward *self, int i)
{
  return self->fused[i] ? self->fused[i]->n_layers : 1;
}

static void
find_lives(const CbiganForward *self, CbiganForwardMemory memory, const int *keep, Life *lives)
{
  const CbiganNetwork *network = self->network;
  for (int i = 0; i < self->n_layers; i += next_layer(self, i)) {
    const CbiganLayer *layer = &network->layers[i];
    const int input[] = { layer->input, -1 }, output[] = { layer->output, -1 };
    for (const int *v = self->fused[i] ? self->fused[i]->inputs : input; *v >= 0; v++)
      lives[*v].last = i;
    for (const int *v = self->fused[i] ? self->fused[i]->outputs : output; *v >= 0; v++) {
      if (!lives[*v].used)
        lives[*v] = (Life){ .first = i, .used = TRUE };
      lives[*v].last = i;
    }
  }
  for (int i = 0; i < network->n_inputs; i++) /* callers read and refill them between passes */
    lives[i] = (Life){ .first = -1, .last = self->n_layers, .used = TRUE };
  lives[network->layers[self->n_layers - 1].output].last = self->n_layers;
  for (; keep && *keep >= 0; keep++) { /* from before the pass on: cbigan_forward_run_again() may not write it */
    lives[*keep].first = -1;
    lives[*keep].last = self->n_layers;
  }
  for (int i = 0; memory >= CBIGAN_FORWARD_KEEP && i < network->n_values; i++)
    lives[i].last = self->n_layers;
}

/* The free slot that fits best: the smallest that is big enough, else the biggest, which then grows; -1: none. */
static int
best_slot(const GArray *slots, int layer, gsize size)
{
  int best = -1;
  for (guint i = 0; i < slots->len; i++) {
    const Slot *slot = &g_array_index(slots, Slot, i);
    if (slot->free_at > layer)
      continue;
    gsize have = best < 0 ? 0 : g_array_index(slots, Slot, best).size;
    if (best < 0 || (slot->size >= size ? have < size || slot->size < have : slot->size > have))
      best = (int)i;
  }
  return best;
}

/* Values are numbered in the order that layers start them. slot_of[value] = index into the slots returned, or -1
 * for a value never written. */
static GArray *
assign_slots(const CbiganForward *self, const Life *lives, int *slot_of)
{
  GArray *slots = g_array_new(FALSE, TRUE, sizeof(Slot));
  for (int v = 0; v < self->network->n_values; v++) {
    slot_of[v] = -1;
    if (!lives[v].used)
      continue;
    gsize size = cbigan_shape_size(self->network->values[v].shape);
    slot_of[v] = best_slot(slots, lives[v].first, size);
    if (slot_of[v] < 0) {
      slot_of[v] = (int)slots->len;
      g_array_set_size(slots, slots->len + 1);
    }
    Slot *slot = &g_array_index(slots, Slot, slot_of[v]);
    slot->size = MAX(slot->size, size);
    slot->free_at = lives[v].last + 1;
  }
  return slots;
}

static gboolean
allocate(CbiganForward *self, CbiganForwardMemory memory, const int *keep, GError **error)
{
  int n_values = self->network->n_values;
  g_autofree Life *lives = g_new0(Life, n_values);
  g_autofree int *slot_of = g_new(int, n_values);
  find_lives(self, memory, keep, lives);
  g_autoptr(GArray) slots = assign_slots(self, lives, slot_of);

  self->buffers = g_new0(float *, slots->len);
  for (; self->n_buffers < (int)slots->len; self->n_buffers++) {
    gsize size = g_array_index(slots, Slot, self->n_buffers).size;
    self->buffers[self->n_buffers] = cbigan_backend_alloc(self->backend, size * (gsize)self->batch, error);
    if (!self->buffers[self->n_buffers])
      return FALSE;
  }
  self->values = g_new0(float *, n_values);
  for (int v = 0; v < n_values; v++)
    if (slot_of[v] >= 0)
      self->values[v] = self->buffers[slot_of[v]];
  return TRUE;
}

CbiganForward *
cbigan_forward_new(CbiganBackend *backend, const CbiganNetwork *network, int n_layers, int batch,
                   CbiganForwardMemory memory, const int *keep, const float *parameters, GError **error)
{
  g_return_val_if_fail(backend && network && parameters, NULL);
  g_return_val_if_fail(n_layers > 0 && n_layers <= network->n_layers && batch > 0, NULL);
  g_autoptr(CbiganForward) self = g_new0(CbiganForward, 1);
  *self = (CbiganForward){ .backend = backend,
                           .network = network,
                           .batch = batch,
                           .n_layers = n_layers,
                           .parameters = parameters,
                           .plans = g_new0(CbiganPlan *, n_layers),
                           .fused = g_new0(CbiganFused *, n_layers) };
  CbiganPlan *(*plan)(CbiganBackend *, const CbiganLayer *, int, GError **) =
      memory == CBIGAN_FORWARD_TRAIN ? cbigan_backend_plan_training : cbigan_backend_plan;
  for (int i = 0; i < n_layers; i += next_layer(self, i)) {
    if (memory == CBIGAN_FORWARD_FUSE)
      self->fused[i] = cbigan_backend_fuse(backend, network, i, n_layers, batch, keep);
    if (!self->fused[i] && !(self->plans[i] = plan(backend, &network->layers[i], batch, error)))
      return NULL;
  }
  if (!allocate(self, memory, keep, error))
    return NULL;
  cbigan_forward_load(self);
  return cbigan_backend_finish(backend, error) ? g_steal_pointer(&self) : NULL;
}

void
cbigan_forward_free(CbiganForward *self)
{
  if (!self)
    return;
  for (int i = 0; i < self->n_layers; i++) {
    cbigan_backend_plan_free(self->backend, self->plans[i]);
    if (self->fused[i])
      self->fused[i]->free(self->fused[i]);
  }
  for (int i = 0; i < self->n_buffers; i++)
    cbigan_backend_free(self->backend, self->buffers[i]);
  g_free(self->plans);
  g_free(self->fused);
  g_free(self->values);
  g_free(self->buffers);
  g_free(self);
}

void
cbigan_forward_load(CbiganForward *self)
{
  for (int i = 0; i < self->n_layers; i += next_layer(self, i))
    if (self->fused[i])
      self->fused[i]->load(self->fused[i], self->parameters);
    else
      cbigan_backend_load(self->backend, self->plans[i], self->parameters);
}

static void
run_layer(CbiganForward *self, int i)
{
  const CbiganLayer *layer = &self->network->layers[i];
  if (self->fused[i])
    self->fused[i]->run(self->fused[i], self->values);
  else
    cbigan_backend_run(self->backend, self->plans[i], self->values[layer->input], self->values[layer->output]);
}

void
cbigan_forward_run(CbiganForward *self)
{
  for (int i = 0; i < self->n_layers; i += next_layer(self, i))
    run_layer(self, i);
}

void
cbigan_forward_run_again(CbiganForward *self, int input)
{
  gboolean changed[self->network->n_values];
  memset(changed, 0, sizeof changed);
  changed[input] = TRUE;
  for (int i = 0; i < self->n_layers; i += next_layer(self, i)) {
    const CbiganLayer *layer = &self->network->layers[i];
    gboolean needed = FALSE;
    for (int k = i; k < i + next_layer(self, i); k++)
      needed |= changed[layer[k - i].input] || (layer[k - i].accumulate && changed[layer[k - i].output]);
    if (!needed)
      continue;
    for (int k = i; k < i + next_layer(self, i); k++)
      changed[layer[k - i].output] = TRUE;
    run_layer(self, i);
  }
}
