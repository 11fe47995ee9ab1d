/* score.h - the ways to score a CBiGAN: rows of one table over the results of inference
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inference.c runs the networks and compares with good pictures; a row combines the numbers into a score and draws the
 * map. To add a score: a CbiganScoreKind, its name in model.c, a file with its functions, a row in score.c.
 */
#pragma once
#include "inference.h"

G_BEGIN_DECLS

typedef struct {
  CbiganView view;
  guint needs;     /* CbiganNeeds for the score */
  guint map_needs; /* also needed for its map */
  /* Score >= 0 */
  double (*score)(const CbiganBaseline *baseline, const CbiganMeasurement *m);
  /* map (height, width), in the score's units */
  void (*map)(const CbiganBaseline *baseline, const CbiganMeasurement *m, float *map);
} CbiganScoreRow;

extern const CbiganScoreRow cbigan_score_rows[CBIGAN_N_SCORES];

/* The score of the pixels that count; counts: (height, width). map: (height, width), what the row's map function drew;
 * `paper` does not read it. */
double cbigan_score_within(CbiganScoreKind kind, const CbiganBaseline *baseline, const CbiganMeasurement *m,
                           const guint8 *counts, const float *map);

/* paper.c */
/* Number of the patch with the largest A(x). counts: (height, width), patches without a counting pixel are left out;
 * NULL: all count. -1: none counts */
int cbigan_paper_patch(const CbiganBaseline *baseline, const CbiganMeasurement *m, const guint8 *counts);
double cbigan_paper_score(const CbiganBaseline *baseline, const CbiganMeasurement *m);
/* A(x) of that patch, 0 or more; 0 for patch -1 */
double cbigan_paper_patch_score(const CbiganBaseline *baseline, const CbiganMeasurement *m, int patch);
void cbigan_paper_map(const CbiganBaseline *baseline, const CbiganMeasurement *m, float *map);
/* calibrated.c */
double cbigan_calibrated_score(const CbiganBaseline *baseline, const CbiganMeasurement *m);
void cbigan_calibrated_map(const CbiganBaseline *baseline, const CbiganMeasurement *m, float *map);
/* critic.c */
/* Where a pixel lies between the knots of the grid over a patch: the value there is that of knot `before`, plus `part`
 * of the step to the next one. Knot k lies on pixel (2 k + 1) * side / (2 grid). */
void cbigan_critic_knots(int pixel, int side, int grid, int *before, float *part);
double cbigan_critic_score(const CbiganBaseline *baseline, const CbiganMeasurement *m);
void cbigan_critic_map(const CbiganBaseline *baseline, const CbiganMeasurement *m, float *map);

G_END_DECLS
