/* nearest.h - how far features of a picture's cells are from the nearest ones that good pictures have there
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For objects: good pictures of a part may differ in more ways than one Gaussian per position describes, and parts lie
 * a few pixels beside their place.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* x (channels, cells) -> W (x - mean), in place. mean (channels), whitening (channels * (channels + 1) / 2): the lower
 * triangle of W, row by row. backend: it keeps a lack of memory (cbigan_backend_scratch()); NULL: as there */
void cbigan_whiten(CbiganBackend *backend, const float *mean, const float *whitening, int channels, gsize cells,
                   float *x);
/* x (channels, h, w) and n samples of good pictures (h, n, channels, w), all whitened -> distance (h, w): the mean
 * distance to the three nearest of all samples within a cell of the same place, divided by sqrt(channels). backend: its
 * threads share the work, and it keeps a lack of memory; NULL = the caller's alone. */
void cbigan_nearest_distance(CbiganBackend *backend, const float *x, const float *samples, int n, int channels, int w,
                             int h, float *distance);

G_END_DECLS
