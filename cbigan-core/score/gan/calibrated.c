/* calibrated.c - the reconstruction's map in standard deviations from good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * d = x - G(E(x)) in the light of the training pictures. Each channel of d less its mean over a window half a patch
 * wide, so that a slow change of light does not count; the absolute value, summed over channels; blurred. The result is
 * compared with its mean and deviation on good pictures. All of it happens on the whole frame: where patches overlap, d
 * is their mean. The score is the largest number of the map.
 */
#include "score.h"

double
cbigan_calibrated_score(const CbiganBaseline *baseline, const CbiganMeasurement *m)
{
  return m->deviations_peak;
}

void
cbigan_calibrated_map(const CbiganBaseline *baseline, const CbiganMeasurement *m, float *map)
{
  cbigan_inference_local_map(m, map);
}
