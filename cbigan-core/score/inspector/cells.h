/* cells.h - a value per cell of a picture: one number of them, and the anomaly map
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Values compare with good pictures and may be negative. Scores are softplus(value) = log(1 + exp(value)), which keeps
 * the order of values.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

#define CBIGAN_CELLS_BLUR 1.0 /* cells */

/* Values of a picture's cells of CBIGAN_INSPECTOR_CELL pixels each. */
typedef struct {
  int w, h;
  float *values;        /* (h, w) */
  const guint8 *counts; /* (h, w): 1 = the cell counts; NULL: all count */
  /* Its threads share the work, and it keeps a lack of memory (cbigan_backend_scratch()), in which case results are
   * undefined; NULL: the caller's thread alone */
  CbiganBackend *backend;
} CbiganCells;

/* The value of a picture's cells that count; -G_MAXFLOAT where none does. */
double cbigan_cells_summary(const CbiganCells *cells, CbiganSummary summary);
/* The same about each of the picture's highest places, which are 5 cells or more apart: values as if it had no other
 * high cells. Places that a small picture lacks are -G_MAXFLOAT. */
#define CBIGAN_CELLS_PEAKS 12
void cbigan_cells_peaks(const CbiganCells *cells, CbiganSummary summary, double peaks[CBIGAN_CELLS_PEAKS]);
/* The cells, blurred by one -> softplus in each pixel of map (h, w), the picture's size. Returns a number that none of
 * them exceeds. */
float cbigan_cells_draw(const CbiganCells *cells, int w, int h, float *map);
/* How many of so many cells have a part in a summary that is a mean of the largest. */
gsize cbigan_cells_top(gsize cells, CbiganSummary summary);
/* log(1 + exp(value)), and back */
double cbigan_softplus(double value);

G_END_DECLS
