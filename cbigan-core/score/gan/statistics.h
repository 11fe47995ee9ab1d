/* statistics.h - sums over good pictures that add up and subtract, and the statistics behind them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

typedef struct {
  int w, h;      /* of the map's statistics: the frame's, or 1 x 1 for all positions together */
  int positions; /* of the critic's: grid * grid, or 1 */
  int grid, channels;
} CbiganSumsShape;

typedef struct {
  CbiganSumsShape shape;
  double map_samples, *map_sum, *map_squares;          /* (h, w) */
  double critic_samples, *critic_sum, *critic_scatter; /* (positions, channels), (positions, channels, channels) */
  double *scratch;                                     /* (channels, channels) */
} CbiganSums;

/* Bytes that one takes; what is made of it takes half as many. */
gsize cbigan_sums_size(const CbiganSumsShape *shape);
CbiganSums *cbigan_sums_new(const CbiganSumsShape *shape);
void cbigan_sums_free(CbiganSums *self);
/* map: n values of a frame; n = w * h unless that is 1 x 1 */
void cbigan_sums_add_map(CbiganSums *self, const float *map, gsize n);
/* features (n_patches, grid * grid, channels) of a frame */
void cbigan_sums_add_features(CbiganSums *self, const float *features, guint n_patches);
void cbigan_sums_add(CbiganSums *self, const CbiganSums *other);
/* Calls sum(n, numbers) for all that the sums consist of. */
void cbigan_sums_foreach(CbiganSums *self, void (*sum)(gsize n, double *numbers));
CbiganSums *cbigan_sums_difference(const CbiganSums *a, const CbiganSums *b);

/* Mean and standard deviation (transfer full). */
CbiganMapStatistics cbigan_sums_map(const CbiganSums *self);
/* Mean and whitening W: W^T W = (covariance + r x its mean variance)^-1, r = 0.1 channels / samples within 0.01..0.05
 * (transfer full). */
CbiganCriticStatistics cbigan_sums_critic(const CbiganSums *self);
void cbigan_statistics_clear(CbiganMapStatistics *map, CbiganCriticStatistics *critic);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganSums, cbigan_sums_free)

G_END_DECLS
