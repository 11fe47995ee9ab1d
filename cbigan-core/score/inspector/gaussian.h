/* gaussian.h - Gaussians of features of good pictures, one per position, and the distance from them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Features are (channels, cells). Each cell is a position of its own, or all cells are samples of one position.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

typedef struct _CbiganGaussianSums CbiganGaussianSums;

/* Free with cbigan_gaussian_sums_free(). */
CbiganGaussianSums *cbigan_gaussian_sums_new(int channels, gsize positions);
void cbigan_gaussian_sums_free(CbiganGaussianSums *self);
/* One more picture. cells: the number of positions, or any number with one position. */
void cbigan_gaussian_sums_add(CbiganGaussianSums *self, const float *features, gsize cells);
/* Adds the pictures of another one with the same channels and positions. */
void cbigan_gaussian_sums_merge(CbiganGaussianSums *self, const CbiganGaussianSums *other);
/* Calls sum(n, numbers) for all that the sums consist of. */
void cbigan_gaussian_sums_foreach(CbiganGaussianSums *self, void (*sum)(gsize n, double *numbers));
/* mean (channels, positions), whitening (channels * (channels + 1) / 2, positions): the lower triangle of W, row by
 * row. W^T W is the inverse covariance. Variances get 5 % of the channel's mean variance; correlations are multiplied
 * by 1 - r, where r = 0.1 channels / samples within 0.02..0.5. At least one picture must have been added. */
void cbigan_gaussian_sums_finish(const CbiganGaussianSums *self, float *mean, float *whitening);

/* As above for one position, with share times the largest eigenvalue of the covariance added to its diagonal, and
 * nothing else: directions in which features hardly differ count little. */
void cbigan_gaussian_sums_finish_ridge(const CbiganGaussianSums *self, double share, float *mean, float *whitening);

/* distance (cells) = sqrt(|W (x - mean)|^2 / channels). positions: cells, or 1. backend: its threads share the work;
 * NULL = the caller's alone. */
void cbigan_gaussian_distance(CbiganBackend *backend, const float *features, int channels, gsize cells,
                              const float *mean, const float *whitening, gsize positions, float *distance);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganGaussianSums, cbigan_gaussian_sums_free)

G_END_DECLS
