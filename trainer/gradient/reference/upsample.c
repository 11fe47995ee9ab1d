/* upsample.c - gradient of bilinear x2 upsampling with half-pixel centres
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

/* Forward, along one axis: y[2i] = x[i-1]/4 + 3x[i]/4, y[2i+1] = 3x[i]/4 + x[i+1]/4, edges clamped. So x[i] was
 * used by y[2i-1 .. 2i+2], and what an edge clamped away falls on the edge itself. */
static const double taps[4] = { 0.25, 0.75, 0.75, 0.25 };

static double
gather(const float *dy, int height, int width, int y, int x)
{
  double sum = 0.0;
  for (int j = 0; j < 4; j++)
    for (int i = 0; i < 4; i++)
      sum += taps[j] * taps[i] * dy[CLAMP(2 * y - 1 + j, 0, height - 1) * width + CLAMP(2 * x - 1 + i, 0, width - 1)];
  return sum;
}

void
cbigan_grad_reference_upsample_data(const CbiganGradReferencePlan *plan, const float *dy, float *dx,
                                    gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  for (int plane = 0; plane < plan->base.batch * l->in.c; plane++, dy += l->out.h * l->out.w)
    for (int y = 0; y < l->in.h; y++)
      for (int x = 0; x < l->in.w; x++, dx++)
        *dx = (float)((accumulate ? *dx : 0.0) + gather(dy, l->out.h, l->out.w, y, x));
}
