/* resample.c - gradients of bilinear x2 upsampling with half-pixel centres, and of 2x2 average pooling
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Own loops: oneDNN's take several times as long, and cannot add to dx. Upsampling used x[i] for y[2i-1 .. 2i+2] with
 * weights 1, 3, 3, 1 quarters, clamped at the edges. Rows are added first, which makes long vectors, then columns.
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

/* to[i] (+)= (a[i] + 3 b[i] + 3 c[i] + d[i]) / 4 */
static inline void
combine(int n, const float *a, const float *b, const float *c, const float *d, float *to, gboolean accumulate)
{
#pragma omp simd
  for (int i = 0; i < n; i++)
    to[i] = (accumulate ? to[i] : 0.0f) + 0.25f * (a[i] + d[i]) + 0.75f * (b[i] + c[i]);
}

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
cbigan_grad_cpu_resample_data(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  const gsize size = MAX(cbigan_shape_size(l->in), cbigan_shape_size(l->out));
  Rows rows = { l, dy, dx, accumulate };
  cbigan_backend_each(&self->base, plan->base.batch * l->in.h, plan->base.batch * size,
                      l->kind == CBIGAN_UPSAMPLE ? gather_rows : spread_rows, &rows);
}
