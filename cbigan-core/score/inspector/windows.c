/* windows.c - the windows in which an inspector's network reads a picture of any size
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "windows.h"

#include <string.h>

/* One side of a picture. */
typedef struct {
  int length, cells; /* of the picture */
  int whole, strip;  /* of the first window and of the strip, which ends where the picture does */
  int left;          /* where the strip begins */
} Side;

/* A strip's last CBIGAN_INSPECTOR_STEP - 1 pixels' cells depend on 66 pixels before them. As many more pixels keep the
 * convolutions' tiles where a window of the whole length has them. */
static Side
measure_side(int length)
{
  const int whole = length / CBIGAN_INSPECTOR_STEP * CBIGAN_INSPECTOR_STEP;
  const int strip = MIN(whole, 96 + (whole - 96) % 32);
  return (Side){ length, (length + CBIGAN_INSPECTOR_CELL - 1) / CBIGAN_INSPECTOR_CELL, whole, strip, length - strip };
}

/* Cells near a window's border see less of the picture than those inside, so windows share what both have. */
static int
first_shared_cell(const Side *side)
{
  return side->whole < side->length ? (side->left + side->whole) / 2 / CBIGAN_INSPECTOR_CELL : side->cells;
}

static void
share_overlap(const Side *x, const Side *y, CbiganWindowPart parts[CBIGAN_N_WINDOWS])
{
  const int column = first_shared_cell(x), row = first_shared_cell(y);
  parts[CBIGAN_WINDOW_WHOLE] = (CbiganWindowPart){ 0, 0, x->whole, y->whole, 0, column, 0, row };
  parts[CBIGAN_WINDOW_RIGHT] = (CbiganWindowPart){ x->left, 0, x->strip, y->whole, column, x->cells, 0, row };
  parts[CBIGAN_WINDOW_BOTTOM] = (CbiganWindowPart){ 0, y->left, x->whole, y->strip, 0, column, row, y->cells };
  parts[CBIGAN_WINDOW_CORNER] =
      (CbiganWindowPart){ x->left, y->left, x->strip, y->strip, column, x->cells, row, y->cells };
}

/* The strips have the length of the first window, and end in the picture's corner. */
static void
add_strips(const Side *x, const Side *y, CbiganWindowPart parts[CBIGAN_N_WINDOWS])
{
  const int column = x->whole / CBIGAN_INSPECTOR_CELL, row = y->whole / CBIGAN_INSPECTOR_CELL;
  parts[CBIGAN_WINDOW_WHOLE] = (CbiganWindowPart){ 0, 0, x->whole, y->whole, 0, column, 0, row };
  parts[CBIGAN_WINDOW_RIGHT] =
      (CbiganWindowPart){ x->left, y->length - y->whole, x->strip, y->whole, column, x->cells, 0, y->cells };
  parts[CBIGAN_WINDOW_BOTTOM] =
      (CbiganWindowPart){ x->length - x->whole, y->left, x->whole, y->strip, 0, column, row, y->cells };
  parts[CBIGAN_WINDOW_CORNER] = (CbiganWindowPart){ 0 };
}

void
cbigan_windows_divide(int w, int h, gboolean shared_overlap, CbiganWindowPart parts[CBIGAN_N_WINDOWS])
{
  const Side x = measure_side(w), y = measure_side(h);
  (shared_overlap ? share_overlap : add_strips)(&x, &y, parts);
}

/* Cell i of the picture is cell i - before of a window that begins at this pixel. */
static int
cells_before(int start)
{
  return (start + CBIGAN_INSPECTOR_CELL - 1 - CBIGAN_INSPECTOR_CELL / 2) / CBIGAN_INSPECTOR_CELL;
}

typedef struct {
  const CbiganWindowPart *part;
  CbiganShape shape;
  const float *from;
  int columns, rows;
  float *to;
} Copy;

/* Channels [first, end) */
static void
copy_channels(gpointer data, int first, int end)
{
  const Copy *copy = data;
  const CbiganWindowPart *part = copy->part;
  const CbiganShape shape = copy->shape;
  const int left = cells_before(part->left), top = cells_before(part->top);
  const int begin = CLAMP(left, part->first_column, part->end_column);
  const int stop = CLAMP(left + shape.w, begin, part->end_column);
  for (int c = first; c < end; c++)
    for (int row = part->first_row; row < part->end_row; row++) {
      const float *from = copy->from + (gsize)(c * shape.h + CLAMP(row - top, 0, shape.h - 1)) * (gsize)shape.w;
      float *to = copy->to + (gsize)(c * copy->rows + row) * (gsize)copy->columns;
      for (int column = part->first_column; column < begin; column++)
        to[column] = from[0];
      memcpy(to + begin, from + begin - left, (gsize)(stop - begin) * sizeof(float));
      for (int column = stop; column < part->end_column; column++)
        to[column] = from[shape.w - 1];
    }
}

void
cbigan_windows_copy(CbiganBackend *backend, const CbiganWindowPart *part, CbiganShape shape, const float *from,
                    int columns, int rows, float *to)
{
  cbigan_backend_each(backend, shape.c, cbigan_shape_size(shape), copy_channels,
                      &(Copy){ part, shape, from, columns, rows, to });
}
