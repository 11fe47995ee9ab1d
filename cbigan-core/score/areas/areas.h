/* areas.h - which pixels of a frame count, by areas and masks
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An area says where the verdict is taken; the pixels around it stay visible. A mask says which pixels must not matter.
 * Ignored pixels are replaced by the mirror image of the counting pixels beside them, before anything is computed. So
 * light, networks and scores can't depend on them. Training and calibration fill their pictures by the same function.
 */
#pragma once
#include "model/model.h"
#include "roi.h"

G_BEGIN_DECLS

typedef struct _CbiganAreas CbiganAreas;

/* counting, mask: copied; mask is the model's, or has no pixels. Free with cbigan_areas_free(). NULL with
 * CBIGAN_ERROR_ARGUMENT, or without an error where every pixel counts. */
CbiganAreas *cbigan_areas_new(const CbiganCounting *counting, const CbiganMask *mask, GError **error);
void cbigan_areas_free(CbiganAreas *self);
/* *areas: of a mask alone; NULL = every pixel counts. FALSE with CBIGAN_ERROR_ARGUMENT where nothing of a frame counts.
 */
gboolean cbigan_areas_for_frames(const CbiganMask *mask, const CbiganFrame *frames, guint n, CbiganAreas **areas,
                                 GError **error);
/* For the functions below: frames of w x h pixels. FALSE with CBIGAN_ERROR_ARGUMENT where an area has no pixel that
 * counts. Computes only where the size changes. */
gboolean cbigan_areas_prepare(CbiganAreas *self, int w, int h, GError **error);

/* *part: the same in the rectangle of w x h pixels at (x, y) of the prepared size: prepared for that size, and only
 * there. NULL: nothing counts there. An area may have no pixel in it. Free with cbigan_areas_free(). FALSE with
 * CBIGAN_ERROR_BACKEND: there is no memory. */
gboolean cbigan_areas_cut(const CbiganAreas *self, int x, int y, int w, int h, CbiganAreas **part, GError **error);

/* 1 or more; without `roi` the whole frame is one. */
guint cbigan_areas_n(const CbiganAreas *self);
/* NULL: the whole frame */
const CbiganRoi *cbigan_areas_roi(const CbiganAreas *self, guint area);
/* (h, w): 1 = the pixel counts in that area */
const guint8 *cbigan_areas_counts(const CbiganAreas *self, guint area);
/* (h, w): 1 = no mask ignores the pixel; NULL: there is no mask */
const guint8 *cbigan_areas_unmasked(const CbiganAreas *self);
/* Replaces ignored pixels of a frame; pixels: (h, w, 3), rows without gaps */
void cbigan_areas_fill(const CbiganAreas *self, guint8 *pixels);
/* Makes the mask the model's, in the size of its frames where it has one. Before the model is shared. FALSE with
 * CBIGAN_ERROR_ARGUMENT where nothing counts. */
gboolean cbigan_areas_set_model_mask(CbiganModel *model, const CbiganMask *mask, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganAreas, cbigan_areas_free)

G_END_DECLS
