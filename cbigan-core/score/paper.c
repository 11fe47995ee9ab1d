/* paper.c - the paper's score, Eq. 7, 9 and 11
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The map is |x - G(E(x))| summed over channels, blurred with the Gaussian of the calibrated map, times the number of
 * pixels of a patch, times 1 - lambda. Its mean over a patch is that patch's share (1 - lambda) L_R of the score, so
 * map and score can be compared with the same threshold.
 */
#include "score.h"

static double
score_of(const CbiganBaseline *baseline, const CbiganMeasurement *m, int patch) /* Eq. 7 */
{
  /* lambda = 0 or 1 must not turn the other term's infinity into NAN */
  double pixel = baseline->lambda < 1.0 ? (1.0 - baseline->lambda) * m->l_r[patch] : 0.0;
  double feature = baseline->lambda > 0.0 ? baseline->lambda * m->l_fd[patch] : 0.0;
  return pixel + feature;
}

int
cbigan_paper_patch(const CbiganBaseline *baseline, const CbiganMeasurement *m)
{
  int best = 0;
  for (int i = 1; i < m->tiling->columns * m->tiling->rows; i++)
    if (score_of(baseline, m, i) > score_of(baseline, m, best))
      best = i;
  return best;
}

double
cbigan_paper_score(const CbiganBaseline *baseline, const CbiganMeasurement *m)
{
  return score_of(baseline, m, cbigan_paper_patch(baseline, m));
}

void
cbigan_paper_map(const CbiganBaseline *baseline, const CbiganMeasurement *m, float *map)
{
  const gsize n = (gsize)m->tiling->width * (gsize)m->tiling->height;
  const float scale = (float)((1.0 - baseline->lambda) * baseline->patch * baseline->patch);
  cbigan_inference_error_map(m, map);
  for (gsize i = 0; i < n; i++)
    map[i] *= scale;
}
