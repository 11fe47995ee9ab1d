/* upsample.c - bilinear, twice the size, half-pixel centres, edges clamped
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reference.h"

/* Output centre i lies at (i + 0.5) / 2 - 0.5 of the input: between near and far, 3 : 1. */
static void
neighbours(int i, int size, int *near, int *far)
{
  *near = i / 2;
  *far = CLAMP(i % 2 ? *near + 1 : *near - 1, 0, size - 1);
}

void
cbigan_reference_upsample(const CbiganReferencePlan *plan, const float *x, float *y)
{
  const CbiganLayer *l = plan->layer;
  int h = l->in.h, w = l->in.w;
  for (int k = 0; k < plan->batch * l->in.c; k++, x += h * w)
    for (int r = 0; r < 2 * h; r++)
      for (int s = 0; s < 2 * w; s++, y++) {
        int r0, r1, s0, s1;
        neighbours(r, h, &r0, &r1);
        neighbours(s, w, &s0, &s1);
        *y = 0.75f * (0.75f * x[r0 * w + s0] + 0.25f * x[r0 * w + s1]) +
             0.25f * (0.75f * x[r1 * w + s0] + 0.25f * x[r1 * w + s1]);
      }
}
