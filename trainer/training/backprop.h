/* backprop.h - a network at one batch size with everything for its gradients: forward, adjoint, tangent, weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All tensors lie in backend memory. A value's adjoint is the loss's derivative by it; once the adjoint pass has gone
 * by a layer with an activation, the derivative by what stands before the activation. A value that two layers
 * read (a block's input) gets the sum; two layers that complete one value (skip and conv2, the two halves of
 * D's hidden layer) read the same adjoint.
 */
#pragma once
#include "gradient/gradient.h"
#include "model/forward.h"

G_BEGIN_DECLS

typedef struct {
  int first, count; /* samples [first, first + count) of the batch */
} CbiganSpan;

#define CBIGAN_MAX_INPUTS 2 /* of a network */

typedef struct {
  gboolean weights;                     /* weights' gradients are wanted, so adjoints of the whole batch are computed */
  CbiganSpan inputs[CBIGAN_MAX_INPUTS]; /* samples whose input's gradient is wanted; count 0 = none */
  int tangent;                          /* the last so many samples have a tangent pass; 0 = none */
} CbiganBackpropOptions;

typedef struct {
  CbiganBackend *backend;           /* not owned */
  const CbiganGradients *gradients; /* not owned */
  CbiganBackpropOptions options;
  CbiganForward *forward;
  CbiganGradPlan **plans; /* [n_layers] of the whole batch; NULL where nothing needs it */
  CbiganGradPlan **data;  /* [n_layers] of the input's span; may be the same plan; NULL: no data gradient */
  CbiganSpan *spans;      /* [n_values] samples that have an adjoint */
  float **adjoints;       /* [n_values] (batch, c, h, w), only `spans` are filled; NULL without any */
  float *tangents[2];     /* (tangent, c, h, w) of the layer at work; of a value that is not complete yet */
} CbiganBackprop;

/* parameters: as cbigan_forward_new(). NULL with CBIGAN_ERROR_BACKEND. */
CbiganBackprop *cbigan_backprop_new(CbiganBackend *backend, const CbiganGradients *gradients,
                                    const CbiganNetwork *network, int batch, const CbiganBackpropOptions *options,
                                    const float *parameters, GError **error);
void cbigan_backprop_free(CbiganBackprop *self);
/* After the parameters changed. */
void cbigan_backprop_load(CbiganBackprop *self);
static inline void
cbigan_backprop_forward(CbiganBackprop *self)
{
  cbigan_forward_run(self->forward);
}
/* Fill the output's adjoint first. weights: add the gradients of weights and biases to it (n_floats), or NULL. */
void cbigan_backprop_backward(CbiganBackprop *self, float *weights);
/* Fill the inputs of the last options.tangent samples with the direction first. Overwrites the primal values of these
 * samples by their tangents: layers without biases, activations' slopes as they were in the primal pass. */
void cbigan_backprop_tangent(CbiganBackprop *self);
/* weights += x (*) adjoint over the batch as it stands, biases' += over the first n_bias samples only. */
void cbigan_backprop_weights(CbiganBackprop *self, int n_bias, float *weights);

/* Sample i of a value, and of its adjoint. */
float *cbigan_backprop_value(const CbiganBackprop *self, int value, int i);
float *cbigan_backprop_grad(const CbiganBackprop *self, int value, int i);
static inline int
cbigan_backprop_output(const CbiganBackprop *self)
{
  return self->forward->network->output;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganBackprop, cbigan_backprop_free)

G_END_DECLS
