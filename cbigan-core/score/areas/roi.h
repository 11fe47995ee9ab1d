/* roi.h - the areas of a frame that count, read from text
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CbiganCounting in cbigan.h describes the syntax.
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

/* A polygon of the frame. */
typedef struct {
  char name[CBIGAN_AREA_NAME]; /* as written, or its number from 1 */
  double threshold;            /* NAN: the scorer's */
  double *points;              /* (n, 2): x, y in fractions of the frame */
  guint n;
} CbiganRoi;

void cbigan_roi_clear(CbiganRoi *self);
/* Array of CbiganRoi, at least one. text: not empty. width, height: of the picture in pixels; 0 x 0: unknown, and
 * lengths in pixels are refused. Free with g_array_unref(). NULL with CBIGAN_ERROR_ARGUMENT. */
GArray *cbigan_roi_parse(const char *text, int width, int height, GError **error);
/* Sets counts (h, w) to 1 where the centre of a pixel lies in the polygon. */
void cbigan_roi_draw(const CbiganRoi *self, int w, int h, guint8 *counts);

G_END_DECLS
