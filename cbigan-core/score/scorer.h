/* scorer.h - the inside of a scorer, for scorer.c and scoring.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"
#include "score/areas.h"
#include "score/inspection.h"
#include "score/regions.h"
#include "score/score.h"

G_BEGIN_DECLS

struct _CbiganScorer {
  CbiganModel *model;
  CbiganBackend *backend;
  CbiganInference *inference;   /* of a CBiGAN; or */
  CbiganInspection *inspection; /* of an inspector; the other is NULL */
  CbiganBaseline baseline;      /* the model's statistics and this scorer's lambda */
  CbiganScoreKind score;
  CbiganMaps maps;
  guint wanted; /* bit i: scores[i] is computed; `score` among them */
  double threshold;
  CbiganRegionSearch regions;
  CbiganAreas *areas; /* NULL = every pixel counts */
  double min_area;
  guint8 *filled;        /* (frames, h, w, 3): frames without their ignored pixels */
  float *map;            /* (h, w): scratch */
  gsize n_filled, n_map; /* bytes, floats */
};

G_END_DECLS
