/* avgpool.c - mean of 2x2, stride 2
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "context.h"
#include "multiversion.h"

typedef struct {
  CbiganShape in, out;
  const float *x;
  float *y;
} Rows;

/* Of all samples' outputs. A last row or column of an odd number is left out. */
CBIGAN_WIDE static void
average_rows(gpointer data, int first, int end)
{
  const Rows *r = data;
  const int c = r->in.c;
  const gsize row = (gsize)(r->in.w * c);
  for (int i = first; i < end; i++) {
    const float *above = r->x + (gsize)(i / r->out.h * r->in.h + i % r->out.h * 2) * row, *below = above + row;
    float *y = r->y + (gsize)i * (gsize)(r->out.w * c);
    for (int x = 0; x < r->out.w; x++, above += 2 * c, below += 2 * c, y += c)
#pragma omp simd
      for (int k = 0; k < c; k++)
        y[k] = 0.25f * (above[k] + above[c + k] + below[k] + below[c + k]);
  }
}

void
cbigan_cpu_avgpool(const CbiganCpuLayer *plan, const float *x, float *y)
{
  const CbiganLayer *l = plan->layer;
  Rows rows = { l->in, l->out, x, y };
  const int n = plan->batch * l->out.h;
  cbigan_backend_each(&plan->base.cpu->base, n, (gsize)n * (gsize)(2 * l->in.w * l->in.c), average_rows, &rows);
}
