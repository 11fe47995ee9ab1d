/* coarse.h - planes at a fraction of a picture's resolution: means of squares, and bilinear rows in between
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Both go row by row, so that a loop over a picture's rows reads and writes each pixel once.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* A plane of a picture of w x h pixels, one number per square of `factor` pixels. Squares at the right and lower
 * borders may be smaller. */
typedef struct {
  int w, h, factor; /* of the picture; 2 or 4 */
  int columns, rows;
  float *values; /* (rows, columns) */
} CbiganCoarse;

/* values: NULL where there is no memory, see cbigan_backend_scratch() */
CbiganCoarse cbigan_coarse_new(CbiganBackend *backend, int w, int h, int factor);
void cbigan_coarse_clear(CbiganCoarse *self);
/* Row `row` of the picture: row 0 of a square begins its sums, the last one makes them means. Rows of a square come one
 * after another. */
void cbigan_coarse_add(CbiganCoarse *self, int row, const float *pixels);

/* Rows of the picture, bilinear between the squares' centres; borders are repeated. */
typedef struct {
  const CbiganCoarse *coarse;
  float *wide[2]; /* (w + factor): two coarse rows, wide */
  int at[2];      /* which they are; -1: none yet */
  float *row;     /* (w); it holds all memory */
} CbiganEnlarger;

/* coarse: must outlive it. Clear it with cbigan_enlarger_clear(). FALSE: no memory, see cbigan_backend_scratch() */
gboolean cbigan_enlarger_init(CbiganEnlarger *self, CbiganBackend *backend, const CbiganCoarse *coarse);
void cbigan_enlarger_clear(CbiganEnlarger *self);
/* (w), valid until the next call. */
const float *cbigan_enlarger_row(CbiganEnlarger *self, int row);
/* The same -> out (w) */
void cbigan_enlarger_write(CbiganEnlarger *self, int row, float *out);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganCoarse, cbigan_coarse_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganEnlarger, cbigan_enlarger_clear)

G_END_DECLS
