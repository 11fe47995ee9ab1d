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
#include "multiversion.h"

static double
score_of(const CbiganBaseline *standard, const CbiganMeasurement *m, int patch) /* Eq. 7 */
{
  /* lambda = 0 or 1 must not turn the other term's infinity into NAN */
  double pixel = standard->lambda < 1.0 ? (1.0 - standard->lambda) * m->l_r[patch] : 0.0;
  double feature = standard->lambda > 0.0 ? standard->lambda * m->l_fd[patch] : 0.0;
  return pixel + feature;
}

int
cbigan_paper_patch(const CbiganBaseline *standard, const CbiganMeasurement *m)
{
  int best = 0;
  for (int i = 1; i < (int)m->patches->corners->len; i++)
    if (score_of(standard, m, i) > score_of(standard, m, best))
      best = i;
  return best;
}

typedef struct {
  const float *d; /* (3, n) */
  gsize n, width;
  float scale;
  float *map;
} Sums;

CBIGAN_WIDE static void
sum_channels(const float *d, gsize n, gsize some, float scale, float *restrict map)
{
  for (gsize i = 0; i < some; i++)
    map[i] = scale * (fabsf(d[i]) + fabsf(d[i + n]) + fabsf(d[i + 2 * n]));
}

static void
sum_rows(gpointer data, int first, int end)
{
  const Sums *s = data;
  gsize at = (gsize)first * s->width;
  sum_channels(s->d + at, s->n, (gsize)(end - first) * s->width, s->scale, s->map + at);
}

#define SIGMA(patch) ((patch) / 64.0)

CbiganMapFilter
cbigan_error_map_filter(int patch)
{
  CbiganMapFilter filter = { .high_pass = 0 };
  filter.blur = cbigan_filter_kernel(SIGMA(patch), filter.kernel);
  return filter;
}

void
cbigan_paper_map(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map)
{
  gsize n = (gsize)m->width * m->height;
  float scale = (float)((1.0 - standard->lambda) * standard->patch * standard->patch);
  Sums sums = { m->difference[CBIGAN_VIEW_RAW], n, (gsize)m->width, scale, map };
  if (m->kept.error_map) {
    cbigan_backend_download(m->backend, (CbiganShape){ 1, m->height, m->width }, 1, m->kept.error_map, map);
    for (gsize i = 0; i < n; i++)
      map[i] *= scale;
    return;
  }
  cbigan_backend_each(m->backend, m->height, n, sum_rows, &sums);
  cbigan_filter_gaussian(map, m->width, m->height, SIGMA(standard->patch), m->planes + n, m->backend);
}

double
cbigan_paper_score(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map)
{
  if (map)
    cbigan_paper_map(standard, m, map);
  return score_of(standard, m, cbigan_paper_patch(standard, m));
}
