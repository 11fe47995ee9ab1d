/* surface.c - the light of a surface, and the planes of it that the inspector reads
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A frame is read three times: for medians of its level and colours, for its detail's, and for the planes. The first
 * two passes also leave the low-passes that the third one needs. Threads share rows, four at a time: the squares that
 * low-passes begin with. Medians come from counts, so nothing depends on the number of threads.
 */
#include "surface.h"

#include <math.h>
#include <string.h>

#include "blur.h"
#include "histogram.h"
#include "logarithms.h"
#include "multiversion.h"
#include "surface_light.h"

#define GROUP 4 /* rows that a thread takes */

gboolean
cbigan_surface_init(CbiganSurface *self, CbiganBackend *backend, int w, int h)
{
  *self = (CbiganSurface){ .backend = backend,
                           .w = w,
                           .h = h,
                           .fours = cbigan_coarse_new(backend, w, h, 4),
                           .twos = cbigan_coarse_new(backend, w, h, 2),
                           .squares = cbigan_coarse_new(backend, w, h, 4) };
  self->spare = cbigan_scratch_new(backend, float, (gsize)self->twos.columns *(gsize)self->twos.rows);
  return self->fours.values && self->twos.values && self->squares.values && self->spare;
}

void
cbigan_surface_clear(CbiganSurface *self)
{
  cbigan_coarse_clear(&self->fours);
  cbigan_coarse_clear(&self->twos);
  cbigan_coarse_clear(&self->squares);
  g_free(self->spare);
  *self = (CbiganSurface){ 0 };
}

static int
count_groups(const CbiganSurface *self)
{
  return (self->h + GROUP - 1) / GROUP;
}

static void
low_pass(const CbiganSurface *self, CbiganCoarse *coarse)
{
  cbigan_blur_with(self->backend, coarse->values, coarse->columns, coarse->rows, CBIGAN_SURFACE_LOW_SIGMA, self->spare);
}

/* A row's level and colours, (w) each */
static void
read_row(const CbiganSurface *self, int row, float *level, float *red, float *blue)
{
  const gsize at = (gsize)row * (gsize)self->w, plane = (gsize)self->w * (gsize)self->h;
  if (self->x)
    cbigan_level_and_colours(self->x + at, plane, self->w, level, red, blue);
  else
    cbigan_read_level_and_colours(self->curve, self->frame->data + (gsize)row * self->frame->stride, self->w, level,
                                  red, blue);
}

CBIGAN_WIDE static void
square_detail(const float *restrict level, const float *restrict low, int w, float *restrict squares)
{
  for (int i = 0; i < w; i++) {
    const float detail = level[i] - low[i];
    squares[i] = detail * detail;
  }
}

/* --- light ------------------------------------------------------------------------------------------------------ */

enum { LEVEL, RED, BLUE, N_PLANES };

typedef struct {
  CbiganSurface *surface;
  double (*middle_of_colours)(const CbiganHistogram *counts);
  CbiganHistogram *counts; /* (N_PLANES) */
  GMutex mutex;            /* of the counts */
} Reading;

static void
add_counts(Reading *self, const CbiganHistogram *mine)
{
  g_mutex_lock(&self->mutex);
  for (int k = 0; k < N_PLANES; k++)
    cbigan_histogram_merge(&self->counts[k], &mine[k]);
  g_mutex_unlock(&self->mutex);
}

static void
set_counts(CbiganHistogram *counts, double level_least, double level_most, double colour_least, double colour_most)
{
  for (int k = 0; k < N_PLANES; k++)
    counts[k] = (CbiganHistogram){ .least = k == LEVEL ? level_least : colour_least,
                                   .most = k == LEVEL ? level_most : colour_most };
}

/* What a thread needs for rows of w pixels. */
typedef struct {
  CbiganHistogram *counts; /* (N_PLANES) */
  float *planes;           /* (N_PLANES, w) */
  float *squares;          /* (w), behind the planes */
} RowScratch;

static void
row_scratch_clear(RowScratch *self)
{
  g_free(self->counts);
  g_free(self->planes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RowScratch, row_scratch_clear)

static gboolean
row_scratch_init(RowScratch *self, CbiganBackend *backend, gsize w)
{
  *self = (RowScratch){ .counts = cbigan_scratch_new(backend, CbiganHistogram, N_PLANES),
                        .planes = cbigan_scratch_new(backend, float, (N_PLANES + 1) * w) };
  self->squares = self->planes + N_PLANES * w;
  return self->counts && self->planes;
}

/* Groups of rows [first, end): counts of level and colours, and the level's squares */
static void
count_levels(gpointer data, int first, int end)
{
  Reading *self = data;
  CbiganSurface *surface = self->surface;
  const int w = surface->w;
  g_auto(RowScratch) scratch;
  if (!row_scratch_init(&scratch, surface->backend, (gsize)w))
    return;
  CbiganHistogram *counts = scratch.counts;
  float *planes = scratch.planes;
  set_counts(counts, -3.0, 0.0, -3.0, 3.0);
  for (int row = first * GROUP; row < MIN(end * GROUP, surface->h); row++) {
    read_row(surface, row, planes + LEVEL * w, planes + RED * w, planes + BLUE * w);
    cbigan_coarse_add(&surface->fours, row, planes + LEVEL * w);
    cbigan_coarse_add(&surface->twos, row, planes + LEVEL * w);
    for (int k = 0; k < N_PLANES; k++)
      cbigan_histogram_add_floats(&counts[k], planes + k * w, w, 0.0, FALSE);
  }
  add_counts(self, counts);
}

CBIGAN_WIDE static void
subtract_low(float *restrict x, const float *restrict low, int w)
{
  for (int i = 0; i < w; i++)
    x[i] -= low[i];
}

/* Groups of rows [first, end): counts of the level's detail, and of the colours' deviations from their medians; and
 * the squares of local detail */
static void
count_detail(gpointer data, int first, int end)
{
  Reading *self = data;
  CbiganSurface *surface = self->surface;
  const int w = surface->w;
  g_auto(CbiganEnlarger) fours = { 0 }, twos = { 0 };
  g_auto(RowScratch) scratch;
  if (!row_scratch_init(&scratch, surface->backend, (gsize)w) ||
      !cbigan_enlarger_init(&fours, surface->backend, &surface->fours) ||
      !cbigan_enlarger_init(&twos, surface->backend, &surface->twos))
    return;
  CbiganHistogram *counts = scratch.counts;
  float *planes = scratch.planes, *level = planes + LEVEL * w;
  set_counts(counts, 0.0, 1.0, 0.0, 3.0);
  for (int row = first * GROUP; row < MIN(end * GROUP, surface->h); row++) {
    read_row(surface, row, level, planes + RED * w, planes + BLUE * w);
    square_detail(level, cbigan_enlarger_row(&twos, row), w, scratch.squares);
    cbigan_coarse_add(&surface->squares, row, scratch.squares);
    subtract_low(level, cbigan_enlarger_row(&fours, row), w);
    for (int k = 0; k < N_PLANES; k++)
      cbigan_histogram_add_floats(&counts[k], planes + k * w, w, k == LEVEL ? 0.0 : surface->exposure.colour[k - RED],
                                  TRUE);
  }
  add_counts(self, counts);
}

static double
median(const CbiganHistogram *counts)
{
  return cbigan_histogram_quantile(counts, 0.5);
}

/* The level, contrast and chroma of a frame, and all low-passes */
static void
read_light(Reading *reading)
{
  CbiganSurface *surface = reading->surface;
  CbiganExposure *exposure = &surface->exposure;
  CbiganHistogram *counts = reading->counts;
  const gsize n = (gsize)surface->w * (gsize)surface->h;
  set_counts(counts, -3.0, 0.0, -3.0, 3.0);
  cbigan_backend_each(surface->backend, count_groups(surface), 3 * n, count_levels, reading);
  for (int k = RED; k <= BLUE; k++)
    exposure->colour[k - RED] = (float)reading->middle_of_colours(&counts[k]);
  surface->level = (float)median(&counts[LEVEL]);
  cbigan_exposure_shift(exposure, median(&counts[LEVEL]));
  low_pass(surface, &surface->fours);
  low_pass(surface, &surface->twos);
  set_counts(counts, 0.0, 1.0, 0.0, 3.0);
  cbigan_backend_each(surface->backend, count_groups(surface), 3 * n, count_detail, reading);
  low_pass(surface, &surface->squares);
  exposure->chroma =
      (float)(2.0 * MAX(reading->middle_of_colours(&counts[RED]), reading->middle_of_colours(&counts[BLUE])) + 0.05);
  exposure->contrast = (float)(2.0 * median(&counts[LEVEL]) + 0.02);
}

void
cbigan_surface_read(CbiganSurface *self, const CbiganFrame *frame, const CbiganSurfaceLight *light)
{
  g_autofree CbiganHistogram *counts = cbigan_scratch_new(self->backend, CbiganHistogram, N_PLANES);
  Reading reading = { .surface = self,
                      .middle_of_colours = light && light->known ? cbigan_histogram_middle : median,
                      .counts = counts };
  self->frame = frame;
  self->x = NULL;
  cbigan_exposure_plain(&self->exposure, cbigan_surface_shift(light, frame));
  memcpy(self->curve, self->exposure.curve, sizeof self->curve);
  g_mutex_init(&reading.mutex);
  if (counts)
    read_light(&reading);
  g_mutex_clear(&reading.mutex);
}

void
cbigan_exposure_surface(CbiganExposure *self, const CbiganFrame *frame, const CbiganSurfaceLight *light,
                        CbiganBackend *backend)
{
  g_auto(CbiganSurface) surface;
  cbigan_exposure_plain(self, 0.0);
  if (!cbigan_surface_init(&surface, backend, frame->width, frame->height))
    return;
  cbigan_surface_read(&surface, frame, light);
  *self = surface.exposure;
}

/* --- logarithms ------------------------------------------------------------------------------------------------- */

/* Groups of rows [first, end): the level's squares */
static void
add_levels(gpointer data, int first, int end)
{
  CbiganSurface *self = data;
  const int w = self->w;
  g_autofree float *planes = cbigan_scratch_new(self->backend, float, N_PLANES *(gsize)w);
  for (int row = first * GROUP; planes && row < MIN(end * GROUP, self->h); row++) {
    read_row(self, row, planes + LEVEL * w, planes + RED * w, planes + BLUE * w);
    cbigan_coarse_add(&self->fours, row, planes + LEVEL * w);
    cbigan_coarse_add(&self->twos, row, planes + LEVEL * w);
  }
}

/* Groups of rows [first, end): the squares of local detail */
static void
add_squares(gpointer data, int first, int end)
{
  CbiganSurface *self = data;
  const int w = self->w;
  g_auto(CbiganEnlarger) twos = { 0 };
  g_autofree float *planes = cbigan_scratch_new(self->backend, float, (N_PLANES + 1) * (gsize)w);
  if (!planes || !cbigan_enlarger_init(&twos, self->backend, &self->twos))
    return;
  float *squares = planes + N_PLANES * w;
  for (int row = first * GROUP; row < MIN(end * GROUP, self->h); row++) {
    read_row(self, row, planes + LEVEL * w, planes + RED * w, planes + BLUE * w);
    square_detail(planes + LEVEL * w, cbigan_enlarger_row(&twos, row), w, squares);
    cbigan_coarse_add(&self->squares, row, squares);
  }
}

void
cbigan_surface_take(CbiganSurface *self, const CbiganExposure *exposure, const float *x)
{
  const gsize n = (gsize)self->w * (gsize)self->h;
  self->exposure = *exposure;
  self->x = x;
  self->level = 0.0f;
  cbigan_backend_each(self->backend, count_groups(self), 3 * n, add_levels, self);
  low_pass(self, &self->fours);
  low_pass(self, &self->twos);
  cbigan_backend_each(self->backend, count_groups(self), 3 * n, add_squares, self);
  low_pass(self, &self->squares);
}

/* --- planes ----------------------------------------------------------------------------------------------------- */

CBIGAN_WIDE static void
scale_colour(float *x, float less, float by, int w)
{
  for (int i = 0; i < w; i++) {
    const float z = (x[i] - less) / by;
    x[i] = CLAMP(z, -CBIGAN_SURFACE_LARGEST, CBIGAN_SURFACE_LARGEST);
  }
}

/* detail: by the picture's contrast */
CBIGAN_WIDE static void
detail_row(const float *restrict level, const float *restrict low, float contrast, int w, float *restrict detail)
{
  for (int i = 0; i < w; i++) {
    const float z = (level[i] - low[i]) / contrast;
    detail[i] = CLAMP(z, -CBIGAN_SURFACE_LARGEST, CBIGAN_SURFACE_LARGEST);
  }
}

/* local: detail by its own contrast. Here the level is read for the last time, so it gets its scale. */
CBIGAN_WIDE static void
local_row(float *restrict level, const float *restrict low, const float *restrict mean_square, float contrast,
          float median, int w, float *restrict local)
{
  for (int i = 0; i < w; i++) {
    const float z = (level[i] - low[i]) / ((sqrtf(MAX(mean_square[i], 0.0f)) + 0.5f * contrast) * 1.5f);
    local[i] = CLAMP(z, -CBIGAN_SURFACE_LARGEST, CBIGAN_SURFACE_LARGEST);
    level[i] = (level[i] - median) * 1.5f;
  }
}

gboolean
cbigan_surface_rows_init(CbiganSurfaceRows *self, const CbiganSurface *surface)
{
  *self = (CbiganSurfaceRows){ .surface = surface };
  return cbigan_enlarger_init(&self->fours, surface->backend, &surface->fours) &&
         cbigan_enlarger_init(&self->twos, surface->backend, &surface->twos) &&
         cbigan_enlarger_init(&self->squares, surface->backend, &surface->squares);
}

void
cbigan_surface_rows_clear(CbiganSurfaceRows *self)
{
  cbigan_enlarger_clear(&self->fours);
  cbigan_enlarger_clear(&self->twos);
  cbigan_enlarger_clear(&self->squares);
  g_clear_pointer(&self->planes, g_free);
}

void
cbigan_surface_row(CbiganSurfaceRows *self, int row, float *planes, gsize plane)
{
  const CbiganSurface *surface = self->surface;
  const CbiganExposure *exposure = &surface->exposure;
  const int w = surface->w;
  float *level = planes, *detail = planes + plane, *local = planes + 2 * plane;
  float *red = planes + 3 * plane, *blue = planes + 4 * plane;
  read_row(surface, row, level, red, blue);
  scale_colour(red, exposure->colour[0], exposure->chroma, w);
  scale_colour(blue, exposure->colour[1], exposure->chroma, w);
  detail_row(level, cbigan_enlarger_row(&self->fours, row), exposure->contrast, w, detail);
  local_row(level, cbigan_enlarger_row(&self->twos, row), cbigan_enlarger_row(&self->squares, row), exposure->contrast,
            surface->level, w, local);
}

static void
end_rows(gpointer rows)
{
  cbigan_surface_rows_clear(rows);
  g_free(rows);
}

static gpointer
begin_rows(gpointer source)
{
  const CbiganSurface *surface = source;
  CbiganSurfaceRows *rows = cbigan_scratch_new(surface->backend, CbiganSurfaceRows, 1);
  if (!rows)
    return NULL;
  if (cbigan_surface_rows_init(rows, surface) &&
      (rows->planes = cbigan_scratch_new(surface->backend, float, CBIGAN_SURFACE_PLANES *(gsize)surface->w)))
    return rows;
  end_rows(rows);
  return NULL;
}

static const float *
make_row(gpointer data, int row)
{
  CbiganSurfaceRows *rows = data;
  cbigan_surface_row(rows, row, rows->planes, (gsize)rows->surface->w);
  return rows->planes;
}

CbiganPlaneMaker
cbigan_surface_maker(CbiganSurface *self)
{
  return (CbiganPlaneMaker){ .source = self, .begin = begin_rows, .row = make_row, .end = end_rows };
}

typedef struct {
  const CbiganSurface *surface;
  float *planes; /* (5, h, w) */
} Planes;

static void
make_rows(gpointer data, int first, int end)
{
  const Planes *self = data;
  const gsize w = (gsize)self->surface->w, h = (gsize)self->surface->h;
  g_auto(CbiganSurfaceRows) rows;
  if (!cbigan_surface_rows_init(&rows, self->surface))
    return;
  for (int row = first; row < end; row++)
    cbigan_surface_row(&rows, row, self->planes + (gsize)row * w, w * h);
}

void
cbigan_surface_fill(const CbiganSurface *self, float *planes)
{
  cbigan_backend_each(self->backend, self->h, 5 * (gsize)self->w * (gsize)self->h, make_rows,
                      &(Planes){ self, planes });
}

void
cbigan_surface_planes(const CbiganExposure *exposure, const float *x, int w, int h, CbiganBackend *backend,
                      float *planes)
{
  g_auto(CbiganSurface) surface;
  if (!cbigan_surface_init(&surface, backend, w, h))
    return;
  cbigan_surface_take(&surface, exposure, x);
  cbigan_surface_fill(&surface, planes);
}
