/* defect.h - defects of the cloth; inside cloth.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cloth.h"

G_BEGIN_DECLS

#define CLOTH_YARN_REACH 0.7 /* a yarn's edge is never further from its middle, in pitches */

typedef struct {
  double x0, y0, x1, y1; /* pixels; y on the strip, relative to the piece's first row */
} ClothBox;

typedef struct {
  ClothDefectKind kind; /* 0 = none */
  guint64 seed;
  ClothBox box;
  double cx, cy, rx, ry; /* middle and half sides, as the box */
  double phase[3];       /* of the outline's waves, or of the curve */
  gboolean across;       /* missing yarn: a weft, else a warp */
  gint64 yarn;           /* missing yarn: which of the strip's */
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

/* The same as a number in [0, 1). */
static inline double
cloth_unit(guint64 seed, guint64 a, guint64 b)
{
  return (double)(cloth_hash(seed, a, b) >> 40) / (double)(1 << 24);
}

/* The defect of a piece of the strip, which is width x height pixels. */
ClothDefect cloth_defect_of_piece(const ClothOptions *options, guint64 piece, int width, int height);
/* Draws its part of one row: rgb[3] (width) each, y as in the box. A missing yarn is left to the weave. */
void cloth_defect_draw(const ClothDefect *defect, double contrast, double y, int width, float *const rgb[3]);

G_END_DECLS
