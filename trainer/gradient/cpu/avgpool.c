/* avgpool.c - gradient of 2x2 average pooling
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An own loop: at 4 channels oneDNN's takes several times as long, and it cannot add to dx.
 */
#include "gradient/cpu/cpu.h"

typedef struct {
  const CbiganLayer *layer;
  const float *dy;
  float *dx;
  gboolean accumulate;
} Rows;

static void
spread_rows(gpointer data, int first, int end) /* of all samples' inputs */
{
  const Rows *r = data;
  const CbiganLayer *l = r->layer;
  const int channels = l->in.c;
  const gsize row_size = (gsize)l->in.w * channels, out_size = (gsize)l->out.w * channels;
  for (int row = first; row < end; row++) { /* the height is even, so two adjacent rows of dx share one of dy */
    const float *from = r->dy + row / 2 * out_size;
    float *to = r->dx + row * row_size;
    for (int x = 0; x < l->in.w; x++, to += channels)
#pragma omp simd
      for (int c = 0; c < channels; c++)
        to[c] = (r->accumulate ? to[c] : 0.0f) + 0.25f * from[x / 2 * channels + c];
  }
}

void
cbigan_grad_cpu_avgpool_data(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  const int batch = plan->base.batch;
  Rows rows = { l, dy, dx, accumulate };
  cbigan_backend_each(&self->base, batch * l->in.h, batch * cbigan_shape_size(l->in), spread_rows, &rows);
}
