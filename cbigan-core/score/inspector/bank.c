/* bank.c - a fixed bank of filters: features of a picture's cells without any training
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pyramid of the level: each plane is half as large as the one before. Differences of planes finer than cells become
 * means over cells, of their absolute values too; coarser ones are enlarged.
 */
#include "bank.h"

#include <math.h>
#include <string.h>

#include "blur.h"
#include "coarse.h"
#include "multiversion.h"

#define DIFFERENCES 5 /* first and second, along both axes, and the mixed one */

enum {
  FINEST = 0,
  FINE = DIFFERENCES,
  FINE_SIGNED = 2 * DIFFERENCES,
  CELLS = 3 * DIFFERENCES,
  COARSE = 4 * DIFFERENCES,
  LEVEL = 5 * DIFFERENCES,
  COLOUR,
  COLOUR_DETAIL = COLOUR + 2
};
G_STATIC_ASSERT(COLOUR_DETAIL + 2 == CBIGAN_BANK_CHANNELS);
G_STATIC_ASSERT(CBIGAN_INSPECTOR_CELL == 4);

typedef struct {
  int w, h;
  float *x; /* (h, w) */
} Plane;

static gsize
plane_size(const Plane *plane)
{
  return (gsize)plane->w * (gsize)plane->h;
}

/* --- halves ----------------------------------------------------------------------------------------------------- */

typedef struct {
  const Plane *from;
  CbiganCoarse coarse;
} Pooling;

static void
pool_rows(gpointer data, int first, int end) /* of the coarse plane */
{
  Pooling *self = data;
  for (int row = first * self->coarse.factor; row < MIN(end * self->coarse.factor, self->from->h); row++)
    cbigan_coarse_add(&self->coarse, row, self->from->x + (gsize)row * (gsize)self->from->w);
}

/* Blurred, then means of 2 x 2 pixels. x: NULL where there is no memory, as where `plane` has none. */
static Plane
halved(CbiganBackend *backend, const Plane *plane)
{
  const Plane copy = { plane->w, plane->h,
                       plane->x ? cbigan_backend_scratch_copy(backend, plane_size(plane), plane->x) : NULL };
  if (!copy.x)
    return (Plane){ 0 };
  cbigan_blur_by(backend, copy.x, copy.w, copy.h, CBIGAN_BANK_HALVE_BLUR);
  Pooling pooling = { &copy, cbigan_coarse_new(backend, copy.w, copy.h, 2) };
  if (pooling.coarse.values)
    cbigan_backend_each(backend, pooling.coarse.rows, plane_size(plane), pool_rows, &pooling);
  g_free(copy.x);
  return (Plane){ pooling.coarse.columns, pooling.coarse.rows, pooling.coarse.values };
}

/* --- differences ------------------------------------------------------------------------------------------------ */

/* The differences of a plane -> (DIFFERENCES, cells) each; NULL: not wanted. */
typedef struct {
  CbiganBackend *backend;
  const Plane *plane;
  int factor;             /* pixels of the plane per cell: 1, 2 or 4 */
  float *absolute, *mean; /* of absolute values, of values */
} Differences;

/* above, here, below: (w + 2), borders repeated. out: (DIFFERENCES, w) */
CBIGAN_WIDE static void
difference_row(const float *restrict above, const float *restrict here, const float *restrict below, int w,
               float *restrict out)
{
  float *restrict across = out, *restrict down = out + w, *restrict across2 = out + 2 * w,
                  *restrict down2 = out + 3 * w, *restrict mixed = out + 4 * w;
  for (int i = 0; i < w; i++) {
    const float twice = 2.0f * here[i + 1];
    across[i] = CBIGAN_BANK_UNIT * 0.5f * (here[i + 2] - here[i]);
    down[i] = CBIGAN_BANK_UNIT * 0.5f * (below[i + 1] - above[i + 1]);
    across2[i] = CBIGAN_BANK_UNIT * 0.5f * (here[i] - twice + here[i + 2]);
    down2[i] = CBIGAN_BANK_UNIT * 0.5f * (above[i + 1] - twice + below[i + 1]);
    mixed[i] = CBIGAN_BANK_UNIT * 0.25f * ((above[i] - above[i + 2]) - (below[i] - below[i + 2]));
  }
}

CBIGAN_WIDE static void
make_absolute(float *x, int n)
{
  for (int i = 0; i < n; i++)
    x[i] = fabsf(x[i]);
}

/* Row `row` of a plane, with a pixel more at both ends -> padded */
static void
pad_row(const Plane *plane, int row, float *padded)
{
  const float *from = plane->x + (gsize)CLAMP(row, 0, plane->h - 1) * (gsize)plane->w;
  memcpy(padded + 1, from, (gsize)plane->w * sizeof(float));
  padded[0] = from[0];
  padded[plane->w + 1] = from[plane->w - 1];
}

/* A row of all differences (DIFFERENCES, w) -> the cells (DIFFERENCES, cells) that it lies in */
static void
add_row(const Differences *self, int row, const float *differences, float *cells)
{
  const int w = self->plane->w, h = self->plane->h, factor = self->factor;
  const int columns = (w + factor - 1) / factor, rows = (h + factor - 1) / factor;
  for (int k = 0; k < DIFFERENCES; k++) {
    CbiganCoarse coarse = { w, h, factor, columns, rows, cells + (gsize)k * (gsize)columns * (gsize)rows };
    if (factor == 1)
      memcpy(coarse.values + (gsize)row * (gsize)w, differences + k * w, (gsize)w * sizeof(float));
    else
      cbigan_coarse_add(&coarse, row, differences + k * w);
  }
}

static void
difference_rows(gpointer data, int first, int end) /* of cells */
{
  const Differences *self = data;
  const int w = self->plane->w;
  g_autofree float *padded = cbigan_scratch_new(self->backend, float, 3 * (gsize)(w + 2));
  g_autofree float *differences = cbigan_scratch_new(self->backend, float, DIFFERENCES *(gsize)w);
  if (!padded || !differences)
    return;
  for (int row = first * self->factor; row < MIN(end * self->factor, self->plane->h); row++) {
    for (int k = 0; k < 3; k++)
      pad_row(self->plane, row + k - 1, padded + k * (w + 2));
    difference_row(padded, padded + w + 2, padded + 2 * (w + 2), w, differences);
    if (self->mean)
      add_row(self, row, differences, self->mean);
    if (!self->absolute)
      continue;
    make_absolute(differences, DIFFERENCES * w);
    add_row(self, row, differences, self->absolute);
  }
}

static void
find_differences(Differences differences)
{
  cbigan_backend_each(differences.backend, (differences.plane->h + differences.factor - 1) / differences.factor,
                      2 * DIFFERENCES * plane_size(differences.plane), difference_rows, &differences);
}

/* --- coarser planes --------------------------------------------------------------------------------------------- */

/* from (half of w x h pixels) -> out (h, w) */
static void
enlarge(CbiganBackend *backend, const Plane *from, int w, int h, float *out)
{
  const CbiganCoarse coarse = { w, h, 2, from->w, from->h, from->x };
  g_auto(CbiganEnlarger) enlarger;
  if (!cbigan_enlarger_init(&enlarger, backend, &coarse))
    return;
  for (int row = 0; row < h; row++)
    memcpy(out + (gsize)row * (gsize)w, cbigan_enlarger_row(&enlarger, row), (gsize)w * sizeof(float));
}

/* Differences of a plane half as fine as cells -> (DIFFERENCES, rows, columns) */
static void
coarse_differences(CbiganBackend *backend, const Plane *plane, int columns, int rows, float *features)
{
  g_autofree float *own = cbigan_scratch_new(backend, float, DIFFERENCES *plane_size(plane));
  if (!own)
    return;
  find_differences((Differences){ backend, plane, 1, NULL, own });
  for (int k = 0; k < DIFFERENCES; k++)
    enlarge(backend, &(Plane){ plane->w, plane->h, own + (gsize)k * plane_size(plane) }, columns, rows,
            features + (gsize)(k * columns * rows));
}

static void
copy_scaled(const float *x, gsize n, float *out)
{
  for (gsize i = 0; i < n; i++)
    out[i] = CBIGAN_BANK_UNIT * x[i];
}

/* --- all features ----------------------------------------------------------------------------------------------- */

/* A plane of colour -> its mean over cells, and the mean difference of halves from that */
static void
colour_features(CbiganBackend *backend, const Plane *plane, float *mean, float *detail)
{
  Plane half = halved(backend, plane), quarter = halved(backend, &half);
  g_autofree float *smooth = quarter.x ? cbigan_scratch_new(backend, float, plane_size(&half)) : NULL;
  Pooling pooling = { &half, { half.w, half.h, 2, quarter.w, quarter.h, detail } };
  if (smooth) {
    copy_scaled(quarter.x, plane_size(&quarter), mean);
    enlarge(backend, &quarter, half.w, half.h, smooth);
    for (gsize i = 0; i < plane_size(&half); i++)
      half.x[i] = CBIGAN_BANK_UNIT * fabsf(half.x[i] - smooth[i]);
    pool_rows(&pooling, 0, quarter.h);
  }
  g_free(half.x);
  g_free(quarter.x);
}

/* pyramid[i]: the level, halved i times. colours: two planes, as large as pyramid[0] */
static void
pyramid_features(CbiganBackend *backend, const Plane pyramid[4], float *colours, float *features)
{
  const int columns = pyramid[2].w, rows = pyramid[2].h;
  const gsize cells = (gsize)columns * (gsize)rows;
  find_differences((Differences){ backend, &pyramid[0], 4, features + FINEST * cells, NULL });
  find_differences((Differences){ backend, &pyramid[1], 2, features + FINE * cells, features + FINE_SIGNED * cells });
  find_differences((Differences){ backend, &pyramid[2], 1, NULL, features + CELLS * cells });
  coarse_differences(backend, &pyramid[3], columns, rows, features + COARSE * cells);
  copy_scaled(pyramid[2].x, cells, features + LEVEL * cells);
  for (int k = 0; k < 2; k++)
    colour_features(backend, &(Plane){ pyramid[0].w, pyramid[0].h, colours + (gsize)k * plane_size(&pyramid[0]) },
                    features + (gsize)(COLOUR + k) * cells, features + (gsize)(COLOUR_DETAIL + k) * cells);
}

void
cbigan_bank_features(CbiganBackend *backend, const float *planes, int w, int h, float *features)
{
  const gsize n = (gsize)w * (gsize)h;
  float *copy = cbigan_backend_scratch_copy(backend, 3 * n, planes);
  Plane pyramid[4] = { { w, h, copy } };
  if (copy)
    cbigan_blur_by(backend, copy, w, h, CBIGAN_BANK_FINEST_BLUR);
  for (int i = 1; i < 4; i++)
    pyramid[i] = halved(backend, &pyramid[i - 1]);
  if (pyramid[3].x)
    pyramid_features(backend, pyramid, copy + n, features);
  for (int i = 0; i < 4; i++)
    g_free(pyramid[i].x);
}
