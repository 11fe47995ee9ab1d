/* backprop.h - a network at one batch size with all that its gradients need
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All tensors lie in backend memory. The grad of a value is the loss's derivative with respect to it. backward() turns
 * the grad of an activation's output into the grad of its input, in place. A value that two layers read (a block's
 * input) gets the sum of both grads. Two layers that complete one value (skip and conv2, the two halves of D's hidden
 * layer) read the same grad.
 */
#pragma once
#include "gradient/gradient.h"
#include "forward/forward.h"

G_BEGIN_DECLS

typedef struct {
  int first, count; /* samples [first, first + count) of the batch */
} CbiganSpan;

#define CBIGAN_MAX_INPUTS 2 /* of a network */

/* n gradients of parameters, backend memory. */
typedef void (*CbiganGradientFunc)(gsize n, float *gradients);

typedef struct {
  gboolean weights;                     /* gradients of the weights are wanted: grads of the whole batch are computed */
  CbiganSpan inputs[CBIGAN_MAX_INPUTS]; /* samples whose input's grad is wanted; count 0 = none */
  int tangent;                          /* number of last samples with a tangent pass; 0 = none */
  CbiganGradientFunc ready; /* backward() and weights() call it per parameter, when they have added its gradients, while
                             * other layers' gradients are still to come; NULL = not wanted */
} CbiganBackpropOptions;

typedef struct {
  CbiganGrad grad;
  CbiganBackpropOptions options;
  CbiganForward *forward;
  CbiganGradPlan **plans; /* [n_layers] of the whole batch; NULL where nothing needs it */
  CbiganGradPlan **data;  /* [n_layers] of the input's span; may be the same plan; NULL: no data gradient */
  CbiganSpan *spans;      /* [n_values] samples that have a grad */
  int *completing;    /* [n_parameters] first layer that reads the parameter: the last one that adds to its gradients */
  float **grads;      /* [n_values] (batch, c, h, w), filled in `spans` only; NULL without any */
  float *tangents[2]; /* (tangent, c, h, w): of the layer at work; of a value that is not complete yet */
} CbiganBackprop;

/* parameters: as cbigan_forward_new(). Free with cbigan_backprop_free(). NULL with CBIGAN_ERROR_BACKEND. */
CbiganBackprop *cbigan_backprop_new(const CbiganGrad *grad, const CbiganNetwork *network, int batch,
                                    const CbiganBackpropOptions *options, const float *parameters, GError **error);
void cbigan_backprop_free(CbiganBackprop *self);
/* After every change of the parameters. */
void cbigan_backprop_load(CbiganBackprop *self);
static inline void
cbigan_backprop_forward(CbiganBackprop *self)
{
  cbigan_forward_run(self->forward);
}
/* Fill the output's grad first. weights: gets the gradients of weights and biases added (n_floats), or NULL. */
void cbigan_backprop_backward(CbiganBackprop *self, float *weights);
/* Fill the inputs of the last options.tangent samples with the direction first. Replaces the values of these samples by
 * their tangents: layers without biases, activations with the slopes of the forward pass. */
void cbigan_backprop_tangent(CbiganBackprop *self);
/* weights += x (*) grad over the whole batch; the gradients of biases take the first n_bias samples only. */
void cbigan_backprop_weights(CbiganBackprop *self, int n_bias, float *weights);

/* Sample i of a value, and of its grad. */
float *cbigan_backprop_value(const CbiganBackprop *self, int value, int i);
float *cbigan_backprop_grad(const CbiganBackprop *self, int value, int i);
static inline int
cbigan_backprop_output(const CbiganBackprop *self)
{
  return self->forward->network->output;
}
/* Floats of one sample of a value. */
static inline gsize
cbigan_backprop_size(const CbiganBackprop *self, int value)
{
  return cbigan_shape_size(self->forward->network->values[value].shape);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganBackprop, cbigan_backprop_free)

G_END_DECLS
