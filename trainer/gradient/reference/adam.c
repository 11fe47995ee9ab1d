/* adam.c - the optimiser and the averaged weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

#include <math.h>

/* Kingma & Ba 2015, algorithm 1 */
void
cbigan_reference_adam(CbiganBackend *self, gsize n_floats, int step, float rate, float beta1, float beta2,
                      float epsilon, float *gradients, float *m, float *v, float *parameters)
{
  const double correct1 = 1.0 - pow(beta1, step), correct2 = 1.0 - pow(beta2, step);
  for (gsize i = 0; i < n_floats; i++) {
    const double g = gradients[i];
    m[i] = (float)(beta1 * (double)m[i] + (1.0 - beta1) * g);
    v[i] = (float)(beta2 * (double)v[i] + (1.0 - beta2) * g * g);
    parameters[i] = (float)(parameters[i] - rate * (m[i] / correct1) / (sqrt(v[i] / correct2) + epsilon));
    gradients[i] = 0.0f;
  }
}

void
cbigan_reference_average(CbiganBackend *self, gsize n_floats, float decay, const float *x, float *mean)
{
  for (gsize i = 0; i < n_floats; i++)
    mean[i] = (float)((double)decay * mean[i] + (1.0 - decay) * x[i]);
}
