/* activation.c - gradients of the activations, from their output
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

typedef struct {
  const float *y;
  float *dy;
} Job;

static void
leaky(gpointer data, gsize first, gsize end) /* keeps the sign, so y > 0 exactly where its input was */
{
  const Job *j = data;
  const float *restrict y = j->y;
  float *restrict dy = j->dy;
  for (gsize i = first; i < end; i++)
    dy[i] *= y[i] > 0.0f ? 1.0f : CBIGAN_LEAKY_SLOPE;
}

static void
hyperbolic_tangent(gpointer data, gsize first, gsize end)
{
  const Job *j = data;
  const float *restrict y = j->y;
  float *restrict dy = j->dy;
  for (gsize i = first; i < end; i++)
    dy[i] *= 1.0f - y[i] * y[i];
}

void
cbigan_grad_cpu_activation(CbiganBackend *self, CbiganActivation activation, gsize n_floats, const float *y, float *dy)
{
  static const CbiganGradCpuFloatsFunc functions[] = {
    [CBIGAN_LINEAR] = NULL,
    [CBIGAN_LEAKY] = leaky,
    [CBIGAN_TANH] = hyperbolic_tangent,
  };
  Job job = { y, dy };
  if (functions[activation])
    cbigan_grad_cpu_floats(self, n_floats, functions[activation], &job);
}
