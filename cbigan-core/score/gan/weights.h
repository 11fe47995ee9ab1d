/* weights.h - the weights of the maps' filters and of resampling
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* The maps of paper.c and of calibrated.c, before the first is scaled and the second compared with good pictures.
 * patch: pixels of its side. */
CbiganMapFilter cbigan_error_map_filter(int patch);
CbiganMapFilter cbigan_local_map_filter(int patch);

/* Smaller: mean over the area, where a part of a sample counts by its size. Larger: bilinear, half-pixel centres, edges
 * clamped. Clear with cbigan_resampler_clear(). */
void cbigan_resampler_init(CbiganResampler *self, int from, int to);
void cbigan_resampler_clear(CbiganResampler *self);

G_END_DECLS
