/* baseline.c - the statistics of good pictures with which scores compare a frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "baseline.h"

void
cbigan_baseline_init(CbiganBaseline *self, const CbiganModel *model)
{
  *self = (CbiganBaseline){ .patch = model->info.patch,
                            .grid = model->info.critic_grid,
                            .lambda = model->info.lambda,
                            .map = model->map,
                            .critic = model->critic };
  if (model->map.deviation)
    self->deviation_floor = cbigan_map_floor(&model->map);
}

double
cbigan_map_floor(const CbiganMapStatistics *statistics)
{
  gsize n = (gsize)statistics->w * statistics->h;
  double sum = 0.0;
  for (gsize i = 0; i < n; i++)
    sum += statistics->deviation[i];
  return 0.1 * sum / (double)n + 1e-4;
}
