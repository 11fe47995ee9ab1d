/* defects.h - synthetic local defects in pictures of logarithms of intensity
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * After CutPaste (Li et al. 2021, arXiv 2104.04015) and NSA (Schlüter et al. 2022, arXiv 2109.15222). To add a kind: a
 * value, its share in cbigan_defect_draw(), a function in defects.c's table.
 */
#pragma once
#include "data/dice.h"

G_BEGIN_DECLS

typedef enum {
  CBIGAN_DEFECT_PASTE,   /* a piece of another good picture, moved, maybe scaled */
  CBIGAN_DEFECT_DETAIL,  /* the same on the light of the place that it comes to */
  CBIGAN_DEFECT_SCRATCH, /* a bent thin line */
  CBIGAN_DEFECT_CRACK,   /* a jagged thin line, mostly dark */
  CBIGAN_DEFECT_STAIN,   /* a large faint spot without an edge */
  CBIGAN_DEFECT_BLOB,    /* a soft spot, darker, lighter or coloured */
  CBIGAN_DEFECT_REGION,  /* a part of the picture behind a border line: of another level, texture or contrast */
  CBIGAN_DEFECT_WARP,    /* a bulge: pixels move about a place */
  CBIGAN_DEFECT_BEND,    /* what lies beyond a line is bent away */
  CBIGAN_DEFECT_ERASE,   /* a place without detail */
  CBIGAN_N_DEFECTS
} CbiganDefectKind;

/* Where defects are drawn. */
typedef struct {
  int w, h;            /* of the picture, or of a crop of it */
  double scale;        /* pixels, sqrt(height * width) of the whole pictures, by which sizes are measured */
  gboolean surface;    /* else an object */
  gboolean grey;       /* the pictures have no colours, so defects have none */
  const float *source; /* (3, h, w): the same place of another good picture */
  float *x;            /* (3, h, w): gets the defect */
  float *inside; /* (h, w), zeros at first: gets 1 inside of a region, where a pixel may look good; NULL: unwanted */
} CbiganDefectPlace;

/* A kind as they are trained with. Surfaces have regions too. */
CbiganDefectKind cbigan_defect_draw(CbiganDice *dice, gboolean surface);
/* A defect about (cx, cy). */
void cbigan_defect_apply(CbiganDefectKind kind, CbiganDice *dice, int cx, int cy, const CbiganDefectPlace *place);
/* changed (h, w): 1 where x (3, h, w) differs from good by more than a threshold in the mean of its channels, else 0.
 * inside (h, w): where it is 1, a change is so small a part of a cell that the cell does not count. NULL: zeros */
void cbigan_defect_mask(const float *good, const float *x, const float *inside, int w, int h, float *changed);
/* covered (h / cell, w / cell): mean of changed (h, w) over cells */
void cbigan_defect_cells(const float *changed, int w, int h, int cell, float *covered);
/* x (3, n): all channels become their mean. */
void cbigan_make_grey(float *x, gsize n);
/* x (h, w) += amplitude * smooth noise of that cell size */
void cbigan_smooth_noise(CbiganDice *dice, int w, int h, double cell, float amplitude, float *x);

G_END_DECLS
