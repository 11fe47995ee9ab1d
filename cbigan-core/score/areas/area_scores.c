/* area_scores.c - a score per area of a frame, and the worst of them as the frame's
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "area_scores.h"

#include <math.h>

#include "score/regions.h"

#define BLOCK 512 /* pixels whose scales are on the stack */

static gboolean
is_worse(const CbiganAreaResult *a, const CbiganAreaResult *b)
{
  if (isnan(a->normalized) || isnan(b->normalized))
    return a->score > b->score;
  return a->normalized > b->normalized || (a->normalized == b->normalized && a->score > b->score);
}

guint
cbigan_area_scores(const CbiganAreas *areas, double threshold, CbiganAreaScoreFunc func, gpointer data,
                   CbiganResult *result)
{
  guint worst = 0;
  result->n_areas = cbigan_areas_n(areas);
  for (guint i = 0; i < result->n_areas; i++) {
    const CbiganRoi *roi = cbigan_areas_roi(areas, i);
    CbiganAreaResult *area = &result->areas[i];
    g_strlcpy(area->name, roi ? roi->name : "", sizeof area->name);
    area->threshold = roi && !isnan(roi->threshold) ? roi->threshold : threshold;
    area->score = func(cbigan_areas_counts(areas, i), data);
    area->normalized = cbigan_normalize(area->score, area->threshold);
    area->anomalous = area->score > area->threshold;
    if (is_worse(area, &result->areas[worst]))
      worst = i;
  }
  return worst;
}

double
cbigan_area_peak(const float *map, const guint8 *counts, gsize n)
{
  float peak = 0.0f;
  for (gsize i = 0; i < n; i++)
    if (counts[i] && map[i] > peak)
      peak = map[i];
  return (double)peak;
}

void
cbigan_area_scale_map(const CbiganAreas *areas, const CbiganResult *result, float *map, gsize n)
{
  for (gsize first = 0; first < n; first += BLOCK) {
    const gsize some = MIN(BLOCK, n - first);
    float scales[BLOCK] = { 0 };
    for (guint i = 0; i < result->n_areas; i++) {
      const guint8 *counts = cbigan_areas_counts(areas, i) + first;
      const double own = result->areas[i].threshold;
      const float scale = own > 0 && result->threshold > 0 ? (float)(result->threshold / own) : 1.0f;
      for (gsize k = 0; k < some; k++)
        if (counts[k] && scale > scales[k])
          scales[k] = scale;
    }
    for (gsize k = 0; k < some; k++)
      map[first + k] *= scales[k];
  }
}
