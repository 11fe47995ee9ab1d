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
#include "score/areas/areas.h"

G_BEGIN_DECLS

/* A cutout of the frame. */
typedef struct {
  int x, y;
  CbiganAreas *areas; /* what counts in it; NULL = all */
} CbiganCutoutPlace;

typedef struct {
  int side_w, side_h;  /* of a cutout: the model's frame, pixels */
  double overlap;      /* part of a cutout's side that it shares with its neighbour at least, 0..0.9 */
  int width, height;   /* of the frames that `places` are for */
  GArray *places;      /* of CbiganCutoutPlace: where something counts; NULL = to be made for the next frame */
  CbiganResult result; /* of the cutout in work */
} CbiganCutouts;

/* FALSE with CBIGAN_ERROR_ARGUMENT: that model can't score cutouts. */
gboolean cbigan_cutouts_check(const CbiganModelInfo *info, GError **error);
/* Makes the places for frames of that size, unless they are made. areas: what counts in such a frame; NULL = all. FALSE
 * with CBIGAN_ERROR_FRAME where the frame is smaller than a cutout, or CBIGAN_ERROR_BACKEND. */
gboolean cbigan_cutouts_begin(CbiganCutouts *self, const CbiganFrame *frame, const CbiganAreas *areas, GError **error);
/* Call this after the areas or the members above `places` changed. self: may be NULL */
void cbigan_cutouts_forget(CbiganCutouts *self);
/* The frames at the places (transfer full); their pixels belong to the frame. */
CbiganFrame *cbigan_cutouts_frames(const CbiganCutouts *self, const CbiganFrame *frame);

/* Starts the result of a frame of w x h pixels: good, map all 0. map: whether result->map (h, w) is drawn */
void cbigan_cutouts_begin_result(CbiganResult *result, int w, int h, gboolean map);
/* Adds self->result of a cutout at (x, y) to the frame's. score: which of the scores decides */
void cbigan_cutouts_add(const CbiganCutouts *self, CbiganScoreKind score, int x, int y, CbiganResult *result);

G_END_DECLS
