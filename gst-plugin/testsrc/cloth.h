/* cloth.h - an endless strip of woven cloth, with seeded defects and the truth about them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain weave: warp yarns run along the strip (down the picture), weft yarns run across it. A picture shows `height`
 * rows of the strip, from row `top` on. The same options and the same `top` give the same pixels.
 */
#pragma once
#include "defect.h"

G_BEGIN_DECLS

/* The visible part of the defect that shows most. Positions are fractions (0..1) of the picture. */
typedef struct {
  gboolean defective;
  ClothDefectKind kind; /* 0 = none */
  double x, y, w, h;    /* the visible part of the defect's box */
  double visible;       /* share of the box that lies in the picture */
} ClothTruth;

typedef struct _Cloth Cloth;

/* width, height: of the picture, in pixels. Free with cloth_free(). One thread at a time. */
Cloth *cloth_new(int width, int height, const ClothOptions *options);
void cloth_free(Cloth *self);
/* Sets the options of the pictures that follow. */
void cloth_set_options(Cloth *self, const ClothOptions *options);
/* Draws the picture whose first row is row `top` of the strip. rgb: (height, width, 3), rows begin `stride` bytes
 * apart. */
void cloth_render(Cloth *self, guint64 top, guint8 *rgb, gsize stride, ClothTruth *truth);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cloth, cloth_free)

G_END_DECLS
