/* defect_canvas.h - a picture that gets a synthetic defect: for the files of kinds only
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/dice.h"

G_BEGIN_DECLS

/* The picture at work. */
typedef struct {
  CbiganDice *dice;
  int cx, cy, w, h;
  double scale;
  gboolean surface, grey;
  const float *source; /* (3, h, w) */
  float *x;            /* (3, h, w) */
  float *inside;       /* (h, w); may be NULL */
  float *alpha;        /* (h, w), zeros at first: how much of each pixel is defective */
  float *scratch;      /* (h, w) */
} CbiganDefectCanvas;

static inline gsize
cbigan_defect_plane(const CbiganDefectCanvas *c)
{
  return (gsize)c->w * (gsize)c->h;
}

void cbigan_defect_warp(CbiganDefectCanvas *c); /* CBIGAN_DEFECT_WARP */
void cbigan_defect_bend(CbiganDefectCanvas *c); /* CBIGAN_DEFECT_BEND */

G_END_DECLS
