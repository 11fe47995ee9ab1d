/* dense.c - matrix times the flattened sample
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reference.h"

void
cbigan_reference_dense(const CbiganReferencePlan *plan, const float *x, float *y)
{
  const CbiganLayer *l = plan->layer;
  const float *parameters = plan->parameters;
  gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out);
  for (int n = 0; n < plan->batch; n++, x += in, y += out) {
    for (gsize o = 0; o < out; o++) {
      const float *row = parameters + l->weight + o * l->weight_stride; /* (in) */
      double sum = (l->bias == CBIGAN_NO_OFFSET ? 0 : parameters[l->bias + o]) + (l->accumulate ? y[o] : 0);
      for (gsize i = 0; i < in; i++)
        sum += (double)row[i] * x[i];
      y[o] = (float)sum;
    }
    cbigan_reference_activate(l->activation, out, y);
  }
}
