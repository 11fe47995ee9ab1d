/* score.c - the table of the ways to score
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score.h"

#include "score/areas/area_scores.h"

const CbiganScoreRow cbigan_score_rows[CBIGAN_N_SCORES] = {
  [CBIGAN_SCORE_PAPER] = { CBIGAN_VIEW_RAW, CBIGAN_NEEDS_TERMS, CBIGAN_NEEDS_ERROR_MAP, cbigan_paper_score,
                           cbigan_paper_map },
  [CBIGAN_SCORE_CALIBRATED] = { CBIGAN_VIEW_LIGHT, CBIGAN_NEEDS_LOCAL_MAP, 0, cbigan_calibrated_score,
                                cbigan_calibrated_map },
  [CBIGAN_SCORE_CRITIC] = { CBIGAN_VIEW_LIGHT, CBIGAN_NEEDS_FEATURES, 0, cbigan_critic_score, cbigan_critic_map },
};

double
cbigan_score_within(CbiganScoreKind kind, const CbiganBaseline *baseline, const CbiganMeasurement *m,
                    const guint8 *counts, const float *map)
{
  if (kind == CBIGAN_SCORE_PAPER)
    return cbigan_paper_patch_score(baseline, m, cbigan_paper_patch(baseline, m, counts));
  return cbigan_area_peak(map, counts, (gsize)m->tiling->width * (gsize)m->tiling->height);
}
