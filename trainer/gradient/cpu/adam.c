/* adam.c - the optimiser and the averaged weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

#include <math.h>

/* Kingma & Ba 2015, algorithm 1, with its two corrections drawn out of the loop */
void
cbigan_cpu_adam(CbiganBackend *self, gsize n_floats, int step, float rate, float beta1, float beta2, float epsilon,
                float *gradients, float *m, float *v, float *parameters)
{
  const float scale = (float)(rate / (1.0 - pow(beta1, step)));
  const float root = (float)(1.0 / sqrt(1.0 - pow(beta2, step)));
  const float rest1 = (float)(1.0 - beta1), rest2 = (float)(1.0 - beta2);
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
cbigan_cpu_average(CbiganBackend *self, gsize n_floats, float decay, const float *x, float *mean)
{
  const float rest = (float)(1.0 - decay);
#pragma omp parallel for simd if (n_floats >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
  for (gsize i = 0; i < n_floats; i++)
    mean[i] = decay * mean[i] + rest * x[i];
}
