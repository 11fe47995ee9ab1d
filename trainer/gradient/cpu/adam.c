/* adam.c - the optimiser and the averaged weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

#include <math.h>

typedef struct {
  const CbiganUpdate *update;
  float *gradients, *m, *v, *parameters;
} Step;

/* Kingma & Ba 2015, algorithm 1, with its two corrections drawn out of the loop */
static void
adam(gpointer data, gsize first, gsize end)
{
  const Step *s = data;
  const CbiganUpdate *u = s->update;
  const float beta1 = u->beta1, beta2 = u->beta2, rest1 = (float)(1.0 - beta1), rest2 = (float)(1.0 - beta2);
  const float scale = u->scale, root = u->root, epsilon = u->epsilon;
  float *restrict gradients = s->gradients, *restrict m = s->m, *restrict v = s->v,
                  *restrict parameters = s->parameters;
  for (gsize i = first; i < end; i++) {
    const float g = gradients[i];
    m[i] = beta1 * m[i] + rest1 * g;
    v[i] = beta2 * v[i] + rest2 * g * g;
    parameters[i] -= scale * m[i] / (sqrtf(v[i]) * root + epsilon);
    gradients[i] = 0.0f;
  }
}

void
cbigan_grad_cpu_adam(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, float *gradients, float *m,
                     float *v, float *parameters)
{
  Step step = { update, gradients, m, v, parameters };
  cbigan_grad_cpu_floats(self, n_floats, adam, &step);
}

typedef struct {
  float decay;
  const float *x;
  float *mean;
} Average;

static void
average(gpointer data, gsize first, gsize end)
{
  const Average *a = data;
  const float decay = a->decay, rest = (float)(1.0 - decay);
  const float *restrict x = a->x;
  float *restrict mean = a->mean;
  for (gsize i = first; i < end; i++)
    mean[i] = decay * mean[i] + rest * x[i];
}

void
cbigan_grad_cpu_average(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, const float *x, float *mean)
{
  Average a = { update->decay, x, mean };
  cbigan_grad_cpu_floats(self, n_floats, average, &a);
}
