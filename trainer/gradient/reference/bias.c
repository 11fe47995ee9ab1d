/* bias.c - gradient of a bias
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

void
cbigan_grad_reference_bias(CbiganBackend *self, CbiganGradPlan *plan, int n, const float *dy, float *gradients)
{
  const CbiganLayer *l = plan->layer;
  /* A dense layer's bias has one number for each output, a convolution's one for each channel. */
  const gsize size = cbigan_shape_size(l->out), positions = l->kind == CBIGAN_DENSE ? 1 : (gsize)l->out.h * l->out.w;
  for (gsize o = 0; o < size / positions; o++) {
    double sum = gradients[l->bias + o];
    for (int sample = 0; sample < n; sample++)
      for (gsize p = 0; p < positions; p++)
        sum += dy[sample * size + o * positions + p];
    gradients[l->bias + o] = (float)sum;
  }
}
