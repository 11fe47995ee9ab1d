/* upsample.c - gradient of bilinear x2 upsampling with half-pixel centres
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Own loops: oneDNN's take several times as long, and cannot add to dx. x[i] was used by y[2i-1 .. 2i+2] with
 * weights 1, 3, 3, 1 quarters, clamped at the edges; rows first, which makes long vectors, then columns.
 */
#include "gradient/cpu/cpu.h"

/* to[i] (+)= (a[i] + 3 b[i] + 3 c[i] + d[i]) / 4 */
static inline void
combine(int n, const float *a, const float *b, const float *c, const float *d, float *to, gboolean accumulate)
{
#pragma omp simd
  for (int i = 0; i < n; i++)
    to[i] = (accumulate ? to[i] : 0.0f) + 0.25f * (a[i] + d[i]) + 0.75f * (b[i] + c[i]);
}

typedef struct {
  const CbiganLayer *layer;
  const float *dy;
  float *dx;
  gboolean accumulate;
} Rows;

static void
gather_rows(gpointer data, int first, int end) /* of all samples' inputs */
{
  const Rows *r = data;
  const CbiganLayer *l = r->layer;
  const int channels = l->in.c, last = l->out.w - 1;
  const gsize row_size = (gsize)l->out.w * channels;
  for (int row = first; row < end; row++) {
    const int y = row % l->in.h;
    const float *b = r->dy + 2 * row * row_size, *c = b + row_size;
    float sum[row_size], *to = r->dx + (gsize)row * l->in.w * channels;
    combine((int)row_size, y > 0 ? b - row_size : b, b, c, y < l->in.h - 1 ? c + row_size : c, sum, FALSE);
    for (int x = 0; x < l->in.w; x++)
      combine(channels, sum + MAX(2 * x - 1, 0) * channels, sum + 2 * x * channels, sum + (2 * x + 1) * channels,
              sum + MIN(2 * x + 2, last) * channels, to + x * channels, r->accumulate);
  }
}

void
cbigan_grad_cpu_upsample_data(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  const int batch = plan->base.batch;
  Rows rows = { l, dy, dx, accumulate };
  cbigan_backend_each(&self->base, batch * l->in.h, batch * cbigan_shape_size(l->out), gather_rows, &rows);
}
