/* dense.c - gradients of the dense layer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

/* dx[i] = sum over o of w[o][i] * dy[o] */
void
cbigan_grad_reference_dense_data(const CbiganGradReferencePlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  const gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out);
  const float *weight = plan->parameters + l->weight; /* (out, in), rows weight_stride apart */
  for (int n = 0; n < plan->base.batch; n++, dy += out, dx += in)
    for (gsize i = 0; i < in; i++) {
      double sum = accumulate ? dx[i] : 0.0;
      for (gsize o = 0; o < out; o++)
        sum += (double)weight[o * l->weight_stride + i] * dy[o];
      dx[i] = (float)sum;
    }
}

/* dw[o][i] += sum over n of dy[n][o] * x[n][i] */
void
cbigan_grad_reference_dense_weights(const CbiganGradReferencePlan *plan, const float *x, const float *dy,
                                    float *gradients)
{
  const CbiganLayer *l = plan->base.layer;
  const gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out);
  for (gsize o = 0; o < out; o++)
    for (gsize i = 0; i < in; i++) {
      float *g = gradients + l->weight + o * l->weight_stride + i;
      double sum = *g;
      for (int n = 0; n < plan->base.batch; n++)
        sum += (double)dy[n * out + o] * x[n * in + i];
      *g = (float)sum;
    }
}
