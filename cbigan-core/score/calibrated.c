/* calibrated.c - the reconstruction's map in standard deviations from good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * d = x - G(E(x)) in the light of the training pictures; each channel of d less its mean over a window half a patch
 * wide, so that what remains of a slow change of light does not count; the absolute value, summed over channels;
 * blurred with a Gaussian of 1 pixel at a patch of 64 (2 at 128). Compared with that map's mean and deviation on good
 * pictures. All of it happens on the whole frame: where patches overlap, the reconstruction is their mean.
 */
#include <math.h>
#include <string.h>

#include "filter.h"
#include "score.h"

#define WINDOW(patch) ((patch) / 4) /* radius */
#define SIGMA(patch) ((patch) / 64.0)

CbiganMapFilter
cbigan_local_map_filter(int patch)
{
  CbiganMapFilter filter = { .high_pass = WINDOW(patch) };
  filter.blur = cbigan_filter_kernel(SIGMA(patch), filter.kernel);
  return filter;
}

void
cbigan_local_map(int patch, const CbiganMeasurement *m, float *out)
{
  gsize n = (gsize)m->width * m->height;
  const float *d = m->difference[CBIGAN_VIEW_LIGHT];
  if (m->kept.local_map) {
    cbigan_backend_download(m->backend, (CbiganShape){ 1, m->height, m->width }, 1, m->kept.local_map, out);
    return;
  }
  for (gsize channel = 0; channel < 3; channel++)
    cbigan_filter_high_pass(d + channel * n, m->width, m->height, WINDOW(patch), channel > 0, m->columns, out);
  cbigan_filter_gaussian(out, m->width, m->height, SIGMA(patch), m->planes + n, m->backend);
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

void
cbigan_calibrated_map(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map)
{
  if (m->kept.deviations)
    cbigan_backend_download(m->backend, (CbiganShape){ 1, m->height, m->width }, 1, m->kept.deviations, map);
  else
    memcpy(map, m->planes, (gsize)m->width * (gsize)m->height * sizeof *map);
}

double
cbigan_calibrated_score(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map)
{
  const CbiganMapStatistics *good = &standard->map;
  gsize n = (gsize)m->width * m->height, step = good->w * good->h > 1 ? 1 : 0;
  float floor = (float)standard->deviation_floor, peak = 0.0f;
  float *z = map ? map : m->planes;
  if (m->kept.deviations) {
    if (map)
      cbigan_calibrated_map(standard, m, map);
    return m->kept.deviations_peak;
  }
  cbigan_local_map(standard->patch, m, z);
  for (gsize i = 0; i < n; i++) {
    z[i] = MAX((z[i] - good->mean[i * step]) / (good->deviation[i * step] + floor), 0.0f);
    peak = MAX(peak, z[i]);
  }
  return peak;
}
