/* area_scores.h - a score per area of a frame, and the worst of them as the frame's
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "areas.h"

G_BEGIN_DECLS

/* The score of the pixels that count; counts: (h, w) */
typedef double (*CbiganAreaScoreFunc)(const guint8 *counts, gpointer data);

/* Fills result->areas. Returns the worst area: that of the largest normalized score, or without a threshold that of the
 * largest score. threshold: of areas without their own; NAN: none. */
guint cbigan_area_scores(const CbiganAreas *areas, double threshold, CbiganAreaScoreFunc func, gpointer data,
                         CbiganResult *result);
/* Largest number of map (n pixels) where it counts; 0 or more. */
double cbigan_area_peak(const float *map, const guint8 *counts, gsize n);
/* Clears a map (h, w) outside of the areas, and scales it in each area from the area's threshold to result->threshold.
 */
void cbigan_area_scale_map(const CbiganAreas *areas, const CbiganResult *result, float *map, gsize n);

G_END_DECLS
