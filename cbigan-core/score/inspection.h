/* inspection.h - runs an inspector: a value per cell and a value per picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Values are logits, or their distance from good pictures' in standard deviations. They may be negative; scores are
 * softplus(value) = log(1 + exp(value)), which keeps their order.
 */
#pragma once
#include "backend/backend.h"
#include "score/exposure.h"

G_BEGIN_DECLS

/* Values of a picture's cells of CBIGAN_INSPECTOR_CELL pixels each. */
typedef struct {
  int w, h;
  float *values;        /* (h, w) */
  const guint8 *counts; /* (h, w): 1 = the cell counts; NULL: all count */
} CbiganCells;

typedef struct _CbiganInspection CbiganInspection;

/* inspector, backend: they must outlive this. Free with cbigan_inspection_free(). NULL with CBIGAN_ERROR_BACKEND. */
CbiganInspection *cbigan_inspection_new(const CbiganInspector *inspector, CbiganBackend *backend, GError **error);
void cbigan_inspection_free(CbiganInspection *self);
/* Ignored pixels of the pictures that follow: an object's are then as in good pictures. unmasked: (h, w) of the frames,
 * 1 = not ignored; it must outlive its use. NULL: none is ignored. */
void cbigan_inspection_set_mask(CbiganInspection *self, const guint8 *unmasked);
/* After the inspector's parameters changed. */
void cbigan_inspection_load(CbiganInspection *self);

/* The cells of a frame; they belong to the inspection and stay valid until the next call. An object's frame has the
 * inspector's size, a surface's any. NULL with CBIGAN_ERROR_FRAME or CBIGAN_ERROR_BACKEND. */
const CbiganCells *cbigan_inspection_frame(CbiganInspection *self, const CbiganFrame *frame, GError **error);
/* As above, from logarithms x (3, h, w). exposure: for surfaces. w, h: at least CBIGAN_INSPECTOR_STEP; where one is no
 * multiple, a second window reaches to the right and lower borders, as padding would look like a defect. */
const CbiganCells *cbigan_inspection_picture(CbiganInspection *self, const CbiganExposure *exposure, const float *x,
                                             int w, int h, GError **error);

/* The cells of the last frame (w x h pixels) with a pixel that counts: (cells), for g_free(). counts: (h, w) */
guint8 *cbigan_inspection_count(const CbiganInspection *self, const guint8 *counts, int w, int h);

/* The value of a picture's cells that count; -G_MAXFLOAT where none does. */
double cbigan_cells_summary(const CbiganCells *cells, CbiganSummary summary);
/* The map of the last frame: its cells, blurred by one -> softplus in each pixel of map (h, w), the frame's size.
 * counts: (cells), cells that don't count are 0; NULL: all count */
void cbigan_inspection_draw(const CbiganInspection *self, const guint8 *counts, int w, int h, float *map);
/* log(1 + exp(value)), and back */
double cbigan_softplus(double value);
double cbigan_softplus_inverse(double score);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganInspection, cbigan_inspection_free)

G_END_DECLS
