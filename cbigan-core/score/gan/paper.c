/* paper.c - the paper's score, Eq. 7, 9 and 11
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The map is |x - G(E(x))| summed over channels, blurred with the Gaussian of the calibrated map, times the number of
 * pixels of a patch, times 1 - lambda. Its mean over a patch is that patch's share (1 - lambda) L_R of the score, so
 * map and score can be compared with the same threshold.
 */
#include <string.h>

#include "score.h"
#include "tiling.h"

double
cbigan_paper_patch_score(const CbiganBaseline *baseline, const CbiganMeasurement *m, int patch) /* Eq. 7 */
{
  if (patch < 0)
    return 0.0;
  /* lambda = 0 or 1 must not turn the other term's infinity into NAN */
  double pixel = baseline->lambda < 1.0 ? (1.0 - baseline->lambda) * m->l_r[patch] : 0.0;
  double feature = baseline->lambda > 0.0 ? baseline->lambda * m->l_fd[patch] : 0.0;
  return pixel + feature;
}

/* Whether a pixel of the patch at (left, top) counts. */
static gboolean
patch_counts(const CbiganFrameTiling *t, const guint8 *counts, int left, int top)
{
  for (int y = top; y < top + t->side; y++)
    if (memchr(counts + (gsize)y * (gsize)t->width + left, 1, (gsize)t->side))
      return TRUE;
  return FALSE;
}

int
cbigan_paper_patch(const CbiganBaseline *baseline, const CbiganMeasurement *m, const guint8 *counts)
{
  const CbiganFrameTiling *t = m->tiling;
  g_autofree float *corners = counts ? g_new(float, t->columns + t->rows) : NULL;
  int best = -1;
  if (counts)
    cbigan_tiling_corners(t, corners);
  for (int i = 0; i < t->columns * t->rows; i++)
    if ((!counts || patch_counts(t, counts, (int)corners[i % t->columns], (int)corners[t->columns + i / t->columns])) &&
        (best < 0 || cbigan_paper_patch_score(baseline, m, i) > cbigan_paper_patch_score(baseline, m, best)))
      best = i;
  return best;
}

double
cbigan_paper_score(const CbiganBaseline *baseline, const CbiganMeasurement *m)
{
  return cbigan_paper_patch_score(baseline, m, cbigan_paper_patch(baseline, m, NULL));
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
