/* scorer.h - the inside of a scorer, for scorer.c and scoring.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "score/areas/areas.h"
#include "score/cutouts.h"
#include "score/engine.h"
#include "score/regions.h"
#include "score/gan/score.h"

G_BEGIN_DECLS

struct _CbiganScorer {
  gint references; /* atomic */
  CbiganModel *model;
  CbiganMember member;          /* of the engine that has the networks */
  CbiganInspection *inspection; /* of the seat that inspects a frame at the moment, borrowed */
  CbiganBaseline baseline;      /* the model's statistics and this scorer's lambda */
  CbiganScoreKind score;
  CbiganMaps maps;
  guint wanted; /* bit i: scores[i] is computed; `score` among them */
  double threshold;
  CbiganRegionSearch regions;
  CbiganAreas *areas; /* NULL = every pixel counts */
  double min_area;
  CbiganCutouts *cutouts; /* NULL = frames have the model's size */
  gboolean cutting;       /* a cutout is in work, and `areas` are its own */
  guint8 *filled;         /* (frames, h, w, 3): frames without their ignored pixels */
  float *map;             /* (h, w): scratch */
  gsize n_filled, n_map;  /* bytes, floats */
};

G_END_DECLS
