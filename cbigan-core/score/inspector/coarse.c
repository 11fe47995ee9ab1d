/* coarse.c - planes at a fraction of a picture's resolution: means of squares, and bilinear rows in between
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "coarse.h"

#include <string.h>

#include "multiversion.h"

CbiganCoarse
cbigan_coarse_new(CbiganBackend *backend, int w, int h, int factor)
{
  CbiganCoarse self = {
    .w = w, .h = h, .factor = factor, .columns = (w + factor - 1) / factor, .rows = (h + factor - 1) / factor
  };
  self.values = cbigan_scratch_new(backend, float, (gsize)self.columns *(gsize)self.rows);
  return self;
}

void
cbigan_coarse_clear(CbiganCoarse *self)
{
  g_clear_pointer(&self->values, g_free);
}

/* sums[i] += the next `factor` pixels, one after another */
static inline void
add_squares(const float *restrict pixels, int n, int factor, float *restrict sums)
{
  for (int i = 0; i < n; i++)
    for (int k = 0; k < factor; k++)
      sums[i] += pixels[i * factor + k];
}

CBIGAN_WIDE static void
add_twos(const float *pixels, int n, float *sums)
{
  add_squares(pixels, n, 2, sums);
}

CBIGAN_WIDE static void
add_fours(const float *pixels, int n, float *sums)
{
  add_squares(pixels, n, 4, sums);
}

void
cbigan_coarse_add(CbiganCoarse *self, int row, const float *pixels)
{
  const int factor = self->factor, top = row / factor * factor, bottom = MIN(top + factor, self->h);
  const int whole = self->w / factor, rest = self->w - whole * factor;
  float *sums = self->values + (gsize)(row / factor) * (gsize)self->columns;
  if (row == top)
    memset(sums, 0, (gsize)self->columns * sizeof(float));
  if (factor == 2)
    add_twos(pixels, whole, sums);
  else
    add_fours(pixels, whole, sums);
  for (int i = whole * factor; i < self->w; i++)
    sums[whole] += pixels[i];
  if (row < bottom - 1)
    return;
  for (int i = 0; i < whole; i++)
    sums[i] /= (float)(factor * (bottom - top));
  if (rest)
    sums[whole] /= (float)(rest * (bottom - top));
}

gboolean
cbigan_enlarger_init(CbiganEnlarger *self, CbiganBackend *backend, const CbiganCoarse *coarse)
{
  const int w = coarse->w;
  *self = (CbiganEnlarger){ .coarse = coarse, .at = { -1, -1 } };
  if (!(self->row = cbigan_scratch_new(backend, float, 3 * (gsize)w + 2 * (gsize)coarse->factor)))
    return FALSE;
  self->wide[0] = self->row + w;
  self->wide[1] = self->wide[0] + w + coarse->factor;
  return TRUE;
}

void
cbigan_enlarger_clear(CbiganEnlarger *self)
{
  g_free(self->row);
  *self = (CbiganEnlarger){ 0 };
}

/* The pixels between the centres of n + 1 squares */
static inline __attribute__((always_inline)) void
between_squares(const float *restrict x, int n, const int factor, float *restrict out)
{
  for (int i = 0; i < n; i++)
    for (int k = 0; k < factor; k++)
      out[i * factor + k] = x[i] + ((float)k + 0.5f) / (float)factor * (x[i + 1] - x[i]);
}

CBIGAN_WIDE static void
between_twos(const float *x, int n, float *out)
{
  between_squares(x, n, 2, out);
}

CBIGAN_WIDE static void
between_fours(const float *x, int n, float *out)
{
  between_squares(x, n, 4, out);
}

/* x: a row of squares. out: (w + factor) */
static void
widen(const CbiganCoarse *coarse, const float *x, float *out)
{
  const int n = coarse->columns - 1, factor = coarse->factor, edge = factor / 2;
  for (int i = 0; i < edge; i++)
    out[i] = x[0];
  if (factor == 2)
    between_twos(x, n, out + edge);
  else
    between_fours(x, n, out + edge);
  for (int i = edge + n * factor; i < coarse->w; i++)
    out[i] = x[n];
}

CBIGAN_WIDE static void
mix(const float *restrict upper, const float *restrict lower, float share, int w, float *restrict out)
{
  for (int i = 0; i < w; i++)
    out[i] = upper[i] + share * (lower[i] - upper[i]);
}

/* Coarse row `at` made wide; slots keep even and odd rows. */
static const float *
wide_row(CbiganEnlarger *self, int at)
{
  const CbiganCoarse *coarse = self->coarse;
  const int slot = at % 2;
  if (self->at[slot] != at)
    widen(coarse, coarse->values + (gsize)at * (gsize)coarse->columns, self->wide[slot]);
  self->at[slot] = at;
  return self->wide[slot];
}

void
cbigan_enlarger_write(CbiganEnlarger *self, int row, float *out)
{
  const CbiganCoarse *coarse = self->coarse;
  const float v = CLAMP(((float)row + 0.5f) / (float)coarse->factor - 0.5f, 0.0f, (float)(coarse->rows - 1));
  const int above = (int)v, below = MIN(above + 1, coarse->rows - 1);
  const float *upper = wide_row(self, above), *lower = wide_row(self, below);
  mix(upper, lower, v - (float)above, coarse->w, out);
}

const float *
cbigan_enlarger_row(CbiganEnlarger *self, int row)
{
  cbigan_enlarger_write(self, row, self->row);
  return self->row;
}
