/* paper.c - the paper's score, Eq. 7, 9 and 11
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The map is |x - G(E(x))| summed over channels, times the number of pixels of a patch, times 1 - lambda: its mean
 * over a patch is that patch's share (1 - lambda) L_R of the score, so map and score can be held against the same
 * threshold. It is blurred with the Gaussian of the calibrated map.
 */
#include <math.h>

#include "filter.h"
#include "score.h"

static double
score_of(const CbiganStandard *standard, const CbiganMeasurement *m, int patch) /* Eq. 7 */
{
  /* lambda = 0 or 1 must not turn the other term's infinity into NAN */
  double pixel = standard->lambda < 1.0 ? (1.0 - standard->lambda) * m->l_r[patch] : 0.0;
  double feature = standard->lambda > 0.0 ? standard->lambda * m->l_fd[patch] : 0.0;
  return pixel + feature;
}

int
cbigan_paper_patch(const CbiganStandard *standard, const CbiganMeasurement *m)
{
  int best = 0;
  for (int i = 1; i < (int)m->patches->corners->len; i++)
    if (score_of(standard, m, i) > score_of(standard, m, best))
      best = i;
  return best;
}

double
cbigan_paper_score(const CbiganStandard *standard, const CbiganMeasurement *m, float *map)
{
  if (map) {
    gsize n = (gsize)m->width * m->height;
    const float *d = m->difference[CBIGAN_VIEW_RAW];
    float scale = (float)((1.0 - standard->lambda) * standard->patch * standard->patch);
#pragma omp parallel for simd num_threads(m->threads) if (cbigan_many_pixels(m->width, m->height))
    for (gsize i = 0; i < n; i++)
      map[i] = scale * (fabsf(d[i]) + fabsf(d[i + n]) + fabsf(d[i + 2 * n]));
    cbigan_filter_gaussian(map, m->width, m->height, standard->patch / 64.0, m->planes + n, m->threads);
  }
  return score_of(standard, m, cbigan_paper_patch(standard, m));
}
