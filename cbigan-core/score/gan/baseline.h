/* baseline.h - the statistics of good pictures with which scores compare a frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

typedef struct {
  int patch, grid;               /* pixels of a patch's side; positions of the critic's features along it */
  double lambda;                 /* Eq. 7 */
  CbiganMapStatistics map;       /* not owned */
  double deviation_floor;        /* cbigan_map_floor() */
  CbiganCriticStatistics critic; /* not owned */
} CbiganBaseline;

/* A model's own statistics, borrowed from it, and its lambda. */
void cbigan_baseline_init(CbiganBaseline *self, const CbiganModel *model);
/* 0.1 x the mean deviation + 1e-4: added to each deviation, so that pixels without variation do not dominate. */
double cbigan_map_floor(const CbiganMapStatistics *statistics);

G_END_DECLS
