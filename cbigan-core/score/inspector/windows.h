/* windows.h - the windows in which an inspector's network reads a picture of any size
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where a picture's sides are no multiples of CBIGAN_INSPECTOR_STEP, the first window lacks its last columns or rows.
 * Their cells come from strips along the right and the lower border, and with shared_overlap from a corner of both.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

enum { CBIGAN_WINDOW_WHOLE, CBIGAN_WINDOW_RIGHT, CBIGAN_WINDOW_BOTTOM, CBIGAN_WINDOW_CORNER, CBIGAN_N_WINDOWS };

/* A window, and the cells of columns [first_column, end_column) and rows [first_row, end_row) that it fills. */
typedef struct {
  int left, top, w, h; /* in pixels; w and h are multiples of CBIGAN_INSPECTOR_STEP */
  int first_column, end_column, first_row, end_row;
} CbiganWindowPart;

/* Windows of a picture of w x h pixels, which together fill each cell once. Some may fill none. shared_overlap: where
 * windows overlap, each cell comes from the one whose border is further away; FALSE: a strip gives only what the first
 * window lacks. */
void cbigan_windows_divide(int w, int h, gboolean shared_overlap, CbiganWindowPart parts[CBIGAN_N_WINDOWS]);
/* A window's cells, from (shape.c, shape.h, shape.w), that the part fills -> to (shape.c, rows, columns) of the
 * picture. A cell of the picture is the window's in which its middle lies, or the nearest one. backend: its threads
 * share the channels. */
void cbigan_windows_copy(CbiganBackend *backend, const CbiganWindowPart *part, CbiganShape shape, const float *from,
                         int columns, int rows, float *to);

G_END_DECLS
