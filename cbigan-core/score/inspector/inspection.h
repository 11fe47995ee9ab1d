/* inspection.h - runs an inspector: its maps of a picture, made one
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"
#include "cells.h"
#include "exposure.h"

G_BEGIN_DECLS

typedef struct _CbiganInspection CbiganInspection;

/* inspector, backend: they must outlive this. like: an inspection of the same inspector on a backend of the same class
 * and options, whose weights are shared, and which must outlive this; NULL = there is none. The two may be used by two
 * threads at the same time. Free with cbigan_inspection_free(). NULL with CBIGAN_ERROR_BACKEND. */
CbiganInspection *cbigan_inspection_new(const CbiganInspector *inspector, CbiganBackend *backend,
                                        const CbiganInspection *like, GError **error);
void cbigan_inspection_free(CbiganInspection *self);
/* Ignored pixels of the pictures that follow: an object's are then as in good pictures. unmasked: (h, w) of the frames,
 * 1 = not ignored; it must outlive its use. NULL: none is ignored. */
void cbigan_inspection_set_mask(CbiganInspection *self, const guint8 *unmasked);
/* After the inspector's parameters changed; nothing to do without a network. No other inspection may share them. */
void cbigan_inspection_load(CbiganInspection *self);

/* The cells of a frame; they belong to the inspection and stay valid until the next call. An object's frame has the
 * inspector's size, a surface's any. NULL with CBIGAN_ERROR_FRAME or CBIGAN_ERROR_BACKEND. */
const CbiganCells *cbigan_inspection_frame(CbiganInspection *self, const CbiganFrame *frame, GError **error);
/* As above, from logarithms x (3, h, w) and the picture's exposure. w, h: at least CBIGAN_INSPECTOR_STEP; where one is
 * no multiple, a second window reaches to the right and lower borders, as padding would look like a defect. */
const CbiganCells *cbigan_inspection_picture(CbiganInspection *self, const CbiganExposure *exposure, const float *x,
                                             int w, int h, GError **error);
/* Of the last picture's map of a kind that the inspector uses: features (channels, cells), and values (cells) that are
 * neither compared with good pictures' nor scaled. They stay valid until the next picture. NULL: it is not used. */
const float *cbigan_inspection_features(const CbiganInspection *self, CbiganMapKind kind);
const float *cbigan_inspection_values(const CbiganInspection *self, CbiganMapKind kind);

/* The cells of the last frame (w x h pixels) with a pixel that counts: (cells), for g_free(). counts: (h, w). NULL:
 * there is no memory, which cbigan_inspection_finish() reports. */
guint8 *cbigan_inspection_count(const CbiganInspection *self, const guint8 *counts, int w, int h);

/* The anomaly map of the last frame: map (h, w), the frame's size. counts: (cells), cells that don't count are 0; NULL:
 * all count. Returns a number that none of the map's exceeds. */
float cbigan_inspection_draw(const CbiganInspection *self, const guint8 *counts, int w, int h, float *map);
/* Whether all functions above, and those of cells.h with the cells, had the memory that they needed. FALSE with
 * CBIGAN_ERROR_BACKEND: what they have found since the last frame is undefined. */
gboolean cbigan_inspection_finish(const CbiganInspection *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganInspection, cbigan_inspection_free)

G_END_DECLS
