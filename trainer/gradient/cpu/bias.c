/* bias.c - gradient of a bias
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

/* Sum of dy (positions, channels) over positions. Several short rows are added as one long row, which fills vectors. */
static void
add_up(gsize positions, gsize channels, const float *dy, double *sums /* (channels) */)
{
  const gsize lanes = channels * MAX((gsize)1, 64 / channels), size = positions * channels;
  float lane[lanes];
  for (gsize i = 0; i < lanes; i++)
    lane[i] = 0.0f;
  for (gsize from = 0; from < size; from += lanes) {
    const gsize n = MIN(lanes, size - from);
#pragma omp simd
    for (gsize i = 0; i < n; i++)
      lane[i] += dy[from + i];
  }
  for (gsize i = 0; i < channels; i++)
    sums[i] = 0.0;
  for (gsize i = 0; i < lanes; i++)
    sums[i % channels] += lane[i];
}

typedef struct {
  gsize positions, biases; /* of a sample */
  const float *dy;
  double *sums; /* (samples, biases) */
} Job;

static void
add_up_samples(gpointer data, int first, int end)
{
  const Job *j = data;
  for (int sample = first; sample < end; sample++)
    add_up(j->positions, j->biases, j->dy + sample * j->positions * j->biases, j->sums + sample * j->biases);
}

void
cbigan_grad_cpu_bias(CbiganBackend *self, CbiganGradPlan *base, int n, const float *dy, float *gradients)
{
  const CbiganGradCpuPlan *plan = (CbiganGradCpuPlan *)base;
  const CbiganLayer *l = base->layer;
  const gsize size = cbigan_shape_size(l->out), pixels = (gsize)l->out.h * l->out.w;
  const gsize biases = l->kind == CBIGAN_DENSE ? size : (gsize)l->out.c;
  Job job = { size / biases, biases, dy, plan->bias_sums };
  cbigan_backend_each(self, n, n * size, add_up_samples, &job);
  for (gsize i = 0; i < biases; i++) { /* a dense layer's biases lie c,h,w, its output h,w,c */
    float *g = gradients + l->bias + (l->kind == CBIGAN_DENSE ? i % l->out.c * pixels + i / l->out.c : i);
    double sum = *g;
    for (int sample = 0; sample < n; sample++)
      sum += plan->bias_sums[sample * biases + i];
    *g = (float)sum;
  }
}
