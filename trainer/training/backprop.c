/* backprop.c - a network at one batch size: forward, backward and tangent passes, gradients of the weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backprop.h"

float *
cbigan_backprop_value(const CbiganBackprop *self, int value, int i)
{
  return self->forward->values[value] + cbigan_backprop_size(self, value) * (gsize)i;
}

float *
cbigan_backprop_grad(const CbiganBackprop *self, int value, int i)
{
  return self->grads[value] + cbigan_backprop_size(self, value) * (gsize)i;
}

static CbiganSpan
hull(CbiganSpan a, CbiganSpan b)
{
  if (a.count == 0 || b.count == 0)
    return a.count ? a : b;
  int first = MIN(a.first, b.first), end = MAX(a.first + a.count, b.first + b.count);
  return (CbiganSpan){ first, end - first };
}

/* A value needs the grads of the samples that depend on a wanted input; gradients of weights need all samples. */
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

/* Two layers may read parts of one matrix. A parameter that no layer reads has no gradient. */
static void
find_completing(CbiganBackprop *self)
{
  const CbiganNetwork *n = self->forward->network;
  for (int k = 0; k < n->n_parameters; k++) {
    const CbiganParameter *p = &n->parameters[k];
    self->completing[k] = -1;
    for (int i = n->n_layers - 1; i >= 0; i--) {
      const gsize read[] = { n->layers[i].weight, n->layers[i].bias };
      for (gsize r = 0; r < G_N_ELEMENTS(read); r++)
        if (read[r] != CBIGAN_NO_OFFSET && read[r] >= p->offset && read[r] < p->offset + p->size)
          self->completing[k] = i;
    }
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
      self->plans[i] = cbigan_grad_plan(&self->grad, layer, f->batch, o->tangent, error);
      if (!self->plans[i])
        return FALSE;
    }
    if (span.count == f->batch) {
      self->data[i] = self->plans[i];
    } else if (span.count > 0) {
      self->data[i] = cbigan_grad_plan(&self->grad, layer, span.count, 0, error);
      if (!self->data[i])
        return FALSE;
    }
  }
  return TRUE;
}

static gboolean
make_buffers(CbiganBackprop *self, GError **error)
{
  const CbiganForward *f = self->forward;
  gsize largest = 0;
  for (int i = 0; i < f->network->n_values; i++) {
    largest = MAX(largest, cbigan_backprop_size(self, i));
    if (self->spans[i].count == 0)
      continue;
    if (!(self->grads[i] =
              cbigan_backend_alloc(self->grad.backend, cbigan_backprop_size(self, i) * (gsize)f->batch, error)))
      return FALSE;
  }
  for (int i = 0; self->options.tangent && i < 2; i++)
    if (!(self->tangents[i] = cbigan_backend_alloc(self->grad.backend, largest * (gsize)self->options.tangent, error)))
      return FALSE;
  return TRUE;
}

CbiganBackprop *
cbigan_backprop_new(const CbiganGrad *grad, const CbiganNetwork *network, int batch,
                    const CbiganBackpropOptions *options, const float *parameters, GError **error)
{
  g_return_val_if_fail(network->n_inputs <= CBIGAN_MAX_INPUTS, NULL);
  CbiganForward *forward =
      cbigan_forward_new(grad->backend, network, network->n_layers, batch, CBIGAN_KEEP_ALL, parameters, error);
  if (!forward)
    return NULL;
  g_autoptr(CbiganBackprop) self = g_new0(CbiganBackprop, 1);
  *self = (CbiganBackprop){ .grad = *grad, .options = *options, .forward = forward };
  self->plans = g_new0(CbiganGradPlan *, network->n_layers);
  self->data = g_new0(CbiganGradPlan *, network->n_layers);
  self->spans = g_new0(CbiganSpan, network->n_values);
  self->grads = g_new0(float *, network->n_values);
  self->completing = g_new0(int, network->n_parameters);
  find_spans(self);
  find_completing(self);
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
    if (self->data[i] != self->plans[i])
      cbigan_grad_plan_free(&self->grad, self->data[i]);
    cbigan_grad_plan_free(&self->grad, self->plans[i]);
  }
  for (int i = 0; i < n->n_values; i++)
    cbigan_backend_free(self->grad.backend, self->grads[i]);
  for (gsize i = 0; i < G_N_ELEMENTS(self->tangents); i++)
    cbigan_backend_free(self->grad.backend, self->tangents[i]);
  cbigan_forward_free(self->forward);
  g_free(self->plans);
  g_free(self->data);
  g_free(self->spans);
  g_free(self->grads);
  g_free(self->completing);
  g_free(self);
}

void
cbigan_backprop_load(CbiganBackprop *self)
{
  const CbiganForward *f = self->forward;
  cbigan_forward_load(self->forward);
  for (int i = 0; i < f->network->n_layers; i++) {
    if (self->plans[i])
      cbigan_grad_load(&self->grad, self->plans[i], f->parameters);
    if (self->data[i] && self->data[i] != self->plans[i])
      cbigan_grad_load(&self->grad, self->data[i], f->parameters);
  }
}

static void
layer_weights(CbiganBackprop *self, int i, int n_bias, float *weights)
{
  const CbiganNetwork *network = self->forward->network;
  const CbiganLayer *layer = &network->layers[i];
  if (layer->weight != CBIGAN_NO_OFFSET)
    cbigan_grad_weights(&self->grad, self->plans[i], self->forward->values[layer->input], self->grads[layer->output],
                        weights);
  if (layer->bias != CBIGAN_NO_OFFSET)
    cbigan_grad_bias(&self->grad, self->plans[i], n_bias, self->grads[layer->output], weights);
  for (int k = network->n_parameters - 1; self->options.ready && k >= 0; k--)
    if (self->completing[k] == i)
      self->options.ready(network->parameters[k].size, weights + network->parameters[k].offset);
}

void
cbigan_backprop_backward(CbiganBackprop *self, float *weights)
{
  const CbiganNetwork *n = self->forward->network;
  g_autofree gboolean *begun = g_new0(gboolean, n->n_values); /* the grad holds another reader's part */
  for (int i = n->n_layers - 1; i >= 0; i--) {
    const CbiganLayer *layer = &n->layers[i];
    CbiganSpan out = self->spans[layer->output], in = self->spans[layer->input];
    if (out.count == 0)
      continue;
    cbigan_grad_activation(&self->grad, layer->activation, cbigan_backprop_size(self, layer->output) * (gsize)out.count,
                           cbigan_backprop_value(self, layer->output, out.first),
                           cbigan_backprop_grad(self, layer->output, out.first));
    if (weights)
      layer_weights(self, i, self->forward->batch, weights);
    if (in.count > 0) {
      cbigan_grad_data(&self->grad, self->data[i], cbigan_backprop_grad(self, layer->output, in.first),
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
      continue; /* the output's tangent is never read */
    gsize n_floats = cbigan_backprop_size(self, layer->output) * (gsize)count;
    float *value = cbigan_backprop_value(self, layer->output, first);
    float *tangent = self->tangents[layer->accumulate || !complete];
    cbigan_grad_tangent(&self->grad, self->plans[i], cbigan_backprop_value(self, layer->input, first), tangent);
    cbigan_grad_activation(&self->grad, layer->activation, n_floats, value, tangent);
    if (complete) /* replaces the values only now: they gave the activation's slopes */
      cbigan_grad_copy(&self->grad, n_floats, tangent, value);
  }
}

void
cbigan_backprop_weights(CbiganBackprop *self, int n_bias, float *weights)
{
  for (int i = self->forward->network->n_layers - 1; i >= 0; i--)
    layer_weights(self, i, n_bias, weights);
}
