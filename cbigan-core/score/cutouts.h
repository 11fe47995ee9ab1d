/* cutouts.h - frames larger than the model's, scored in overlapping parts of the model's size
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The fewest cutouts that cover the frame and overlap by the wanted part, spread evenly, the last one flush with the
 * border. A seat scores them one after the other; the frame's result is made of theirs. Its map has the larger value
 * where cutouts overlap, so that the worst cutout's peak is in it.
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

typedef struct {
  int side_w, side_h;  /* of a cutout: the model's frame, pixels */
  double overlap;      /* part of a cutout's side that it shares with its neighbour at least, 0..0.9 */
  int columns, rows;   /* for the frame in work */
  CbiganResult result; /* of the cutout in work */
} CbiganCutouts;

/* The cutouts of a frame. FALSE with CBIGAN_ERROR_FRAME where it is smaller than one. */
gboolean cbigan_cutouts_begin(CbiganCutouts *self, const CbiganFrame *frame, GError **error);
/* Cutout number i of columns * rows, row by row; its pixels belong to the frame. *x, *y: its place there */
CbiganFrame cbigan_cutouts_frame(const CbiganCutouts *self, const CbiganFrame *frame, guint i, int *x, int *y);

/* Starts the result of a frame of w x h pixels: good, map all 0. map: whether result->map (h, w) is drawn */
void cbigan_cutouts_begin_result(CbiganResult *result, int w, int h, gboolean map);
/* Adds self->result of a cutout at (x, y) to the frame's. score: which of the scores decides */
void cbigan_cutouts_add(const CbiganCutouts *self, CbiganScoreKind score, int x, int y, CbiganResult *result);

G_END_DECLS
