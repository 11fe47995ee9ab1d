/* avgpool.c - mean of 2x2, stride 2
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reference.h"

void
cbigan_reference_avgpool(const CbiganReferencePlan *plan, const float *x, float *y)
{
  const CbiganLayer *l = plan->layer;
  int h = l->in.h, w = l->in.w;
  for (int k = 0; k < plan->batch * l->in.c; k++, x += h * w)
    for (int r = 0; r < l->out.h; r++)
      for (int s = 0; s < l->out.w; s++, y++) {
        const float *p = x + 2 * r * w + 2 * s;
        *y = 0.25f * (p[0] + p[1] + p[w] + p[w + 1]);
      }
}
