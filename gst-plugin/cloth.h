/* cloth.h - an endless strip of woven cloth, with seeded defects and their truth
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain weave: warp yarns run along the strip (down the picture), weft yarns across. A camera looks at `height` rows of
 * the strip from row `top` on. The same options and the same `top` give the same pixels.
 *
 * The strip is divided in pieces of `height` rows; each holds no defect or one. To add a kind of defect: a row in
 * cloth_defect_kinds[] (defect.c) and a bit in ClothDefectKind.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  CLOTH_MISSING_YARN = 1 << 0,
  CLOTH_STAIN = 1 << 1,
  CLOTH_HOLE = 1 << 2,
  CLOTH_SCRATCH = 1 << 3,
  CLOTH_ALL_DEFECTS = (1 << 4) - 1
} ClothDefectKind;

typedef struct {
  guint64 seed;
  double pitch;      /* pixels from yarn to yarn, >= 3 */
  double rate;       /* share of the pieces that hold a defect, 0..1 */
  guint kinds;       /* ClothDefectKind bits to choose from; 0 = no defects */
  double contrast;   /* of the defects, 0..1 */
  double brightness; /* of the lamp; 1 = normal */
} ClothOptions;

/* What the camera sees of the defect that shows most; fractions (0..1) of the picture. */
typedef struct {
  gboolean defective;
  ClothDefectKind kind; /* 0 = none */
  double x, y, w, h;    /* the visible part of its box */
  double visible;       /* share of its box that lies in the picture */
} ClothTruth;

typedef struct _Cloth Cloth;

Cloth *cloth_new(int width, int height, const ClothOptions *options);
void cloth_free(Cloth *self);
/* Options may change from picture to picture. */
void cloth_set_options(Cloth *self, const ClothOptions *options);
/* rgb: (height, width, 3), rows `stride` bytes apart. */
void cloth_render(Cloth *self, guint64 top, guint8 *rgb, gsize stride, ClothTruth *truth);
/* "missing-yarn", "stain", ...; "none" for 0 */
const char *cloth_defect_name(ClothDefectKind kind);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cloth, cloth_free)

G_END_DECLS
