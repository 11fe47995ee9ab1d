/* avgpool.c - gradient of 2x2 average pooling
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A loop of our own: at 4 channels oneDNN's takes several times as long, and it can't add to dx.
 */
#include "gradient/cpu/cpu.h"

void
cbigan_grad_cpu_avgpool_data(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  const int rows = plan->base.batch * l->in.h, channels = l->in.c;
  const gsize row_size = (gsize)l->in.w * channels, out_size = (gsize)l->out.w * channels;
#pragma omp parallel for if (rows * row_size >= CBIGAN_CPU_PARALLEL) num_threads(self->base.threads)
  for (int row = 0; row < rows; row++) { /* h is even, so two rows of dx after another share one of dy */
    const float *from = dy + row / 2 * out_size;
    float *to = dx + row * row_size;
    for (int x = 0; x < l->in.w; x++, to += channels)
#pragma omp simd
      for (int c = 0; c < channels; c++)
        to[c] = (accumulate ? to[c] : 0.0f) + 0.25f * from[x / 2 * channels + c];
  }
}
