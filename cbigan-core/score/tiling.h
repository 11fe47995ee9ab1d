/* tiling.h - patches that cover a frame, and the light they are seen in
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"
#include "cbigan.h"

G_BEGIN_DECLS

/* The fewest patches that cover every pixel, row by row: ceil(side / patch) along each axis, spread evenly, the last
 * one flush with the border, so they overlap where the side is no multiple of the patch. */
typedef struct {
  int side;          /* pixels */
  int columns, rows; /* columns * rows patches */
  GArray *corners;   /* of CbiganPoint */
} CbiganPatches;

void cbigan_patches_init(CbiganPatches *self, int side);
void cbigan_patches_clear(CbiganPatches *self);
/* FALSE with CBIGAN_ERROR_FRAME for a frame smaller than a patch. Allocates only for more patches than ever before. */
gboolean cbigan_patches_cover(CbiganPatches *self, int width, int height, GError **error);
/* counts[i] = how many patches of one axis cover pixel i of `length`. */
void cbigan_patches_count(int length, int side, guint8 *counts);

/* A frame's pixels p (0..255) are seen as gain * (p / 127.5 - 1) + shift. */
typedef struct {
  float gain, shift;
} CbiganLight;

/* That brings the frame's quantiles to `low` and `median`; { 1, 0 } when they are NAN. The gain stays within 3/4 and
 * 4/3, so that a frame without contrast is not blown up. */
CbiganLight cbigan_light_compensation(const CbiganFrame *frame, double low, double median, CbiganBackend *backend);
/* histogram[v] += how many of the frame's 3 * width * height bytes are v. backend: who shares the work; NULL = nobody
 */
void cbigan_light_histogram(const CbiganFrame *frame, guint64 histogram[256], CbiganBackend *backend);
#define CBIGAN_LIGHT_LOW 0.1
#define CBIGAN_LIGHT_MEDIAN 0.5
/* In -1..1. A byte v stands for anything from v - 1/2 to v + 1/2, so that the quantile moves smoothly. */
double cbigan_light_quantile(const guint64 histogram[256], double share);

G_END_DECLS
