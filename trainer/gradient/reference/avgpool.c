/* avgpool.c - gradient of 2x2 average pooling
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

void
cbigan_grad_reference_avgpool_data(const CbiganGradReferencePlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  for (int plane = 0; plane < plan->base.batch * l->in.c; plane++, dy += l->out.h * l->out.w)
    for (int y = 0; y < l->in.h; y++)
      for (int x = 0; x < l->in.w; x++, dx++)
        *dx = (accumulate ? *dx : 0.0f) + 0.25f * dy[(y / 2) * l->out.w + x / 2];
}
