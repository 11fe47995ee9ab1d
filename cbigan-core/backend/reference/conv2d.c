/* conv2d.c - convolution that keeps the size: stride 1, zeros around
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reference.h"

/* y (h, w) += weight * x (h, w) moved by (dy, dx), where both are inside */
static void
add_moved(int h, int w, float weight, const float *restrict x, int dy, int dx, float *restrict y)
{
  for (int r = MAX(0, -dy); r < MIN(h, h - dy); r++)
    for (int s = MAX(0, -dx); s < MIN(w, w - dx); s++)
      y[r * w + s] += weight * x[(r + dy) * w + s + dx];
}

void
cbigan_reference_conv2d(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y)
{
  const CbiganLayer *l = plan->layer;
  const float *parameters = ((CbiganReferencePlan *)plan)->parameters;
  int h = l->out.h, w = l->out.w, k = l->kernel;
  gsize plane = (gsize)h * w;
  for (int n = 0; n < plan->batch; n++)
    for (int o = 0; o < l->out.c; o++) {
      float *out = y + ((gsize)n * l->out.c + o) * plane; /* (h, w) */
      float bias = l->bias == CBIGAN_NO_OFFSET ? 0 : parameters[l->bias + o];
      for (gsize p = 0; p < plane; p++)
        out[p] = bias + (l->accumulate ? out[p] : 0);
      for (int i = 0; i < l->in.c; i++) {
        const float *in = x + ((gsize)n * l->in.c + i) * plane;                          /* (h, w) */
        const float *kernel = parameters + l->weight + o * l->weight_stride + i * k * k; /* (k, k) */
        for (int r = 0; r < k; r++)
          for (int s = 0; s < k; s++)
            add_moved(h, w, kernel[r * k + s], in, r - k / 2, s - k / 2, out);
      }
      cbigan_reference_activate(l->activation, plane, out);
    }
}
