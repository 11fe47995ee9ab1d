/* adam.c - the optimiser and the averaged weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

#include <math.h>

/* Kingma & Ba 2015, algorithm 1 */
void
cbigan_grad_reference_adam(CbiganBackend *self, gsize n_floats, const CbiganUpdate *u, float *gradients, float *m,
                           float *v, float *parameters)
{
  for (gsize i = 0; i < n_floats; i++) {
    const double g = gradients[i];
    m[i] = (float)(u->beta1 * (double)m[i] + (1.0 - u->beta1) * g);
    v[i] = (float)(u->beta2 * (double)v[i] + (1.0 - u->beta2) * g * g);
    parameters[i] =
        (float)(parameters[i] - u->rate * (m[i] / u->correction1) / (sqrt(v[i] / u->correction2) + u->epsilon));
    gradients[i] = 0.0f;
  }
}

void
cbigan_grad_reference_average(CbiganBackend *self, gsize n_floats, const CbiganUpdate *u, const float *x, float *mean)
{
  for (gsize i = 0; i < n_floats; i++)
    mean[i] = (float)((double)u->decay * mean[i] + (1.0 - u->decay) * x[i]);
}
