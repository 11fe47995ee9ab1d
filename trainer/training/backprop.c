/* backprop.c - a network at one batch size with everything for its gradients: forward, adjoint, tangent, weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backprop.h"

#include "cbigan.h"
#include "i18n.h"

static gsize
value_size(const CbiganBackprop *self, int value)
{
  return cbigan_shape_size(self->forward->network->values[value].shape);
}

float *
cbigan_backprop_value(const CbiganBackprop *self, int value, int i)
{
  return self->forward->values[value] + value_size(self, value) * (gsize)i;
}

float *
cbigan_backprop_grad(const CbiganBackprop *self, int value, int i)
{
  return self->adjoints[value] + value_size(self, value) * (gsize)i;
}

static CbiganSpan
hull(CbiganSpan a, CbiganSpan b)
{
  if (a.count == 0 || b.count == 0)
    return a.count ? a : b;
  int first = MIN(a.first, b.first), end = MAX(a.first + a.count, b.first + b.count);
  return (CbiganSpan){ first, end - first };
}

/* A value needs the adjoints of the samples that a wanted input reaches it by; all of them for weights. */
static void
find_spans(CbiganBackprop *self)
{
  const CbiganForward *f = self->forward;
  const CbiganNetwork *n = f->network;
  for (int i = 0; i < n->n_inputs; i++)
    self->spans[i] = self->options.inputs[i];
  for (int i = 0; i < n->n_layers; i++) {
    CbiganSpan *span = &self->spans[n->layers[i].output];
    *span = self->options.weights ? (CbiganSpan){ 0, f->batch } : hull(*span, self->spans[n->layers[i].input]);
  }
}

static gboolean
make_plans(CbiganBackprop *self, GError **error)
{
  const CbiganForward *f = self->forward;
  const CbiganBackpropOptions *o = &self->options;
  for (int i = 0; i < f->network->n_layers; i++) {
    const CbiganLayer *layer = &f->network->layers[i];
    CbiganSpan span = self->spans[layer->input];
    if (o->weights || span.count == f->batch) {
      self->plans[i] = self->gradients->plan(self->backend, layer, f->batch, o->tangent, error);
      if (!self->plans[i])
        return FALSE;
    }
    if (span.count == f->batch) {
      self->data[i] = self->plans[i];
    } else if (span.count > 0) {
      self->data[i] = self->gradients->plan(self->backend, layer, span.count, 0, error);
      if (!self->data[i])
        return FALSE;
    }
  }
  return TRUE;
}

static float *
allocate(CbiganBackprop *self, gsize n_floats, GError **error)
{
  float *data = self->backend->klass->alloc(self->backend, n_floats);
  if (!data)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("no memory for the gradients: %zu MiB more needed"),
                n_floats * sizeof(float) >> 20);
  return data;
}

static gboolean
make_buffers(CbiganBackprop *self, GError **error)
{
  const CbiganForward *f = self->forward;
  gsize largest = 0;
  for (int i = 0; i < f->network->n_values; i++) {
    largest = MAX(largest, value_size(self, i));
    if (self->spans[i].count == 0)
      continue;
    if (!(self->adjoints[i] = allocate(self, value_size(self, i) * (gsize)f->batch, error)))
      return FALSE;
  }
  for (int i = 0; self->options.tangent && i < 2; i++)
    if (!(self->tangents[i] = allocate(self, largest * (gsize)self->options.tangent, error)))
      return FALSE;
  return TRUE;
}

CbiganBackprop *
cbigan_backprop_new(CbiganBackend *backend, const CbiganGradients *gradients, const CbiganNetwork *network, int batch,
                    const CbiganBackpropOptions *options, const float *parameters, GError **error)
{
  g_return_val_if_fail(network->n_inputs <= CBIGAN_MAX_INPUTS, NULL);
  CbiganForward *forward =
      cbigan_forward_new(backend, network, network->n_layers, batch, CBIGAN_FORWARD_TRAIN, NULL, parameters, error);
  if (!forward)
    return NULL;
  g_autoptr(CbiganBackprop) self = g_new0(CbiganBackprop, 1);
  *self = (CbiganBackprop){ .backend = backend, .gradients = gradients, .options = *options, .forward = forward };
  self->plans = g_new0(CbiganGradPlan *, network->n_layers);
  self->data = g_new0(CbiganGradPlan *, network->n_layers);
  self->spans = g_new0(CbiganSpan, network->n_values);
  self->adjoints = g_new0(float *, network->n_values);
  find_spans(self);
  if (!make_plans(self, error) || !make_buffers(self, error))
    return NULL;
  cbigan_backprop_load(self);
  return g_steal_pointer(&self);
}

void
cbigan_backprop_free(CbiganBackprop *self)
{
  if (!self)
    return;
  const CbiganNetwork *n = self->forward->network;
  for (int i = 0; i < n->n_layers; i++) {
    if (self->data[i] && self->data[i] != self->plans[i])
      self->gradients->plan_free(self->backend, self->data[i]);
    if (self->plans[i])
      self->gradients->plan_free(self->backend, self->plans[i]);
  }
  for (int i = 0; i < n->n_values; i++)
    if (self->adjoints[i])
      self->backend->klass->free(self->backend, self->adjoints[i]);
  for (int i = 0; i < 2; i++)
    if (self->tangents[i])
      self->backend->klass->free(self->backend, self->tangents[i]);
  cbigan_forward_free(self->forward);
  g_free(self->plans);
  g_free(self->data);
  g_free(self->spans);
  g_free(self->adjoints);
  g_free(self);
}

void
cbigan_backprop_load(CbiganBackprop *self)
{
  const CbiganForward *f = self->forward;
  cbigan_forward_load(self->forward);
  for (int i = 0; i < f->network->n_layers; i++) {
    if (self->plans[i])
      self->gradients->load(self->backend, self->plans[i], f->parameters);
    if (self->data[i] && self->data[i] != self->plans[i])
      self->gradients->load(self->backend, self->data[i], f->parameters);
  }
}

static void
layer_weights(CbiganBackprop *self, int i, int n_bias, float *weights)
{
  const CbiganLayer *layer = &self->forward->network->layers[i];
  if (layer->weight != CBIGAN_NO_OFFSET)
    self->gradients->weights(self->backend, self->plans[i], self->forward->values[layer->input],
                             self->adjoints[layer->output], weights);
  if (layer->bias != CBIGAN_NO_OFFSET)
    self->gradients->bias(self->backend, self->plans[i], n_bias, self->adjoints[layer->output], weights);
}

void
cbigan_backprop_backward(CbiganBackprop *self, float *weights)
{
  const CbiganNetwork *n = self->forward->network;
  g_autofree gboolean *begun = g_new0(gboolean, n->n_values); /* the adjoint holds what another reader left there */
  for (int i = n->n_layers - 1; i >= 0; i--) {
    const CbiganLayer *layer = &n->layers[i];
    CbiganSpan out = self->spans[layer->output], in = self->spans[layer->input];
    if (out.count == 0)
      continue;
    if (layer->activation != CBIGAN_LINEAR)
      self->gradients->activation(self->backend, layer->activation, value_size(self, layer->output) * (gsize)out.count,
                                  cbigan_backprop_value(self, layer->output, out.first),
                                  cbigan_backprop_grad(self, layer->output, out.first));
    if (weights)
      layer_weights(self, i, self->forward->batch, weights);
    if (in.count > 0) {
      self->gradients->data(self->backend, self->data[i], cbigan_backprop_grad(self, layer->output, in.first),
                            cbigan_backprop_grad(self, layer->input, in.first), begun[layer->input]);
      begun[layer->input] = TRUE;
    }
  }
}

void
cbigan_backprop_tangent(CbiganBackprop *self)
{
  const CbiganForward *f = self->forward;
  const CbiganNetwork *n = f->network;
  int count = self->options.tangent, first = f->batch - count;
  for (int i = 0; i < n->n_layers; i++) {
    const CbiganLayer *layer = &n->layers[i];
    gboolean complete = cbigan_network_layers_until(n, layer->output) == i + 1;
    if (complete && layer->output == n->output)
      continue; /* nobody reads the output's tangent */
    gsize n_floats = value_size(self, layer->output) * (gsize)count;
    float *primal = cbigan_backprop_value(self, layer->output, first);
    float *tangent = self->tangents[layer->accumulate || !complete];
    self->gradients->tangent(self->backend, self->plans[i], cbigan_backprop_value(self, layer->input, first), tangent);
    if (layer->activation != CBIGAN_LINEAR) /* before the primal values go: they are the slopes' signs */
      self->gradients->activation(self->backend, layer->activation, n_floats, primal, tangent);
    if (complete)
      self->gradients->copy(self->backend, n_floats, tangent, primal);
  }
}

void
cbigan_backprop_weights(CbiganBackprop *self, int n_bias, float *weights)
{
  for (int i = self->forward->network->n_layers - 1; i >= 0; i--)
    layer_weights(self, i, n_bias, weights);
}
