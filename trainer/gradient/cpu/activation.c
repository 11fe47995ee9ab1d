/* activation.c - gradients of the activations, from their output
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

void
cbigan_grad_cpu_activation(CbiganBackend *self, CbiganActivation activation, gsize n_floats, const float *y, float *dy)
{
  switch (activation) {
  case CBIGAN_LINEAR:
    break;
  case CBIGAN_LEAKY: /* keeps the sign, so y > 0 exactly where its input was */
#pragma omp parallel for simd if (n_floats >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
    for (gsize i = 0; i < n_floats; i++)
      dy[i] *= y[i] > 0.0f ? 1.0f : CBIGAN_LEAKY_SLOPE;
    break;
  case CBIGAN_TANH:
#pragma omp parallel for simd if (n_floats >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
    for (gsize i = 0; i < n_floats; i++)
      dy[i] *= 1.0f - y[i] * y[i];
    break;
  }
}
