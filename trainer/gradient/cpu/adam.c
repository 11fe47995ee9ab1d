/* adam.c - the optimiser and the averaged weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

#include <math.h>

/* Kingma & Ba 2015, algorithm 1, with its two corrections drawn out of the loop */
void
cbigan_grad_cpu_adam(CbiganBackend *self, gsize n_floats, const CbiganUpdate *u, float *gradients, float *m, float *v,
                     float *parameters)
{
  const float beta1 = u->beta1, beta2 = u->beta2, rest1 = (float)(1.0 - beta1), rest2 = (float)(1.0 - beta2);
  const float scale = u->scale, root = u->root, epsilon = u->epsilon;
#pragma omp parallel for simd if (n_floats >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
  for (gsize i = 0; i < n_floats; i++) {
    const float g = gradients[i];
    m[i] = beta1 * m[i] + rest1 * g;
    v[i] = beta2 * v[i] + rest2 * g * g;
    parameters[i] -= scale * m[i] / (sqrtf(v[i]) * root + epsilon);
    gradients[i] = 0.0f;
  }
}

void
cbigan_grad_cpu_average(CbiganBackend *self, gsize n_floats, const CbiganUpdate *u, const float *x, float *mean)
{
  const float decay = u->decay, rest = (float)(1.0 - decay);
#pragma omp parallel for simd if (n_floats >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
  for (gsize i = 0; i < n_floats; i++)
    mean[i] = decay * mean[i] + rest * x[i];
}
