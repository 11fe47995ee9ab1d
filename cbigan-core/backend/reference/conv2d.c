/* conv2d.c - convolution that keeps the size: stride 1, zeros around
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reference.h"

__attribute__((no_sanitize("address", "undefined"))) static void
add_between(int n, float weight, const float *restrict x, float *restrict y)
{
  for (int i = 0; i < n; i++)
    y[i] += weight * x[i];
}

/* y (n) += weight * x (n). The sanitizers check the first and last number only; checking all would take most of the
 * tests' time. */
static void
add_row(int n, float weight, const float *restrict x, float *restrict y)
{
  if (n > 0)
    y[0] += weight * x[0];
  if (n > 1)
    y[n - 1] += weight * x[n - 1];
  add_between(n - 2, weight, x + 1, y + 1);
}

/* y (h, w) += weight * x (h, w) moved by (dy, dx), where both are inside */
static void
add_moved(int h, int w, float weight, const float *restrict x, int dy, int dx, float *restrict y)
{
  int left = MAX(0, -dx), right = MIN(w, w - dx);
  for (int r = MAX(0, -dy); r < MIN(h, h - dy); r++)
    add_row(right - left, weight, x + (r + dy) * w + left + dx, y + r * w + left);
}

void
cbigan_reference_conv2d(const CbiganReferencePlan *plan, const float *x, float *y)
{
  const CbiganLayer *l = plan->layer;
  const float *parameters = plan->parameters;
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
