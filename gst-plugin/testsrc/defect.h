/* defect.h - defects of the cloth: kinds, places and looks
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The strip is divided into pieces of `height` rows. Each piece holds no defect or one. To add a kind of defect: a bit
 * in ClothDefectKind, a row in cloth_defect_kinds[] (defect.c) and a row in the flags of cbigantestsrc.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

#define CLOTH_YARN_REACH 0.7 /* largest distance from a yarn's middle to its edge, in pitches */

typedef enum {
  CLOTH_MISSING_YARN = 1 << 0,
  CLOTH_STAIN = 1 << 1,
  CLOTH_HOLE = 1 << 2,
  CLOTH_SCRATCH = 1 << 3,
  CLOTH_ALL_DEFECTS = (1 << 4) - 1
} ClothDefectKind;

typedef struct {
  guint64 seed;
  double pitch;      /* pixels from yarn to yarn, at least 3 */
  double rate;       /* share of the pieces that hold a defect, 0..1 */
  guint kinds;       /* ClothDefectKind bits to choose from; 0 = no defects */
  double contrast;   /* of the defects, 0..1 */
  double brightness; /* of the lamp; 1 = normal */
} ClothOptions;

typedef struct {
  double x0, y0, x1, y1; /* pixels; y is relative to the first row of the piece */
} ClothBox;

typedef struct {
  ClothDefectKind kind; /* 0 = none */
  guint64 seed;
  ClothBox box;
  double cx, cy, rx, ry; /* middle and half sides, in the box's units */
  double phase[3];       /* of the outline's waves, or of the scratch's curve */
  gboolean across;       /* missing yarn: TRUE = a weft, FALSE = a warp */
  gint64 yarn;           /* missing yarn: its number on the strip */
} ClothDefect;

/* Well mixed bits from a seed and two positions (the finaliser of SplitMix64). */
static inline guint64
cloth_hash(guint64 seed, guint64 a, guint64 b)
{
  guint64 z = seed + a * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) + b * G_GUINT64_CONSTANT(0xd1b54a32d192ed03);
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* The upper 24 bits of cloth_hash() as a number in [0, 1). */
static inline double
cloth_unit(guint64 seed, guint64 a, guint64 b)
{
  return (double)(cloth_hash(seed, a, b) >> 40) / (double)(1 << 24);
}

/* The defect of a piece of the strip. The piece has width x height pixels. */
ClothDefect cloth_defect_of_piece(const ClothOptions *options, guint64 piece, int width, int height);
/* Draws the defect's part of one row. rgb[3]: (width) each; y: in the box's units. Does nothing for a missing yarn,
 * which cloth.c draws. */
void cloth_defect_draw(const ClothDefect *defect, double contrast, double y, int width, float *const rgb[3]);
/* "missing-yarn", "stain", ...; "none" for 0 */
const char *cloth_defect_name(ClothDefectKind kind);

G_END_DECLS
