/* surface.c - the light of a surface, and the planes of it that the inspector reads
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Threads share rows, four at a time: the squares that low-passes begin with. Medians come from counts, so nothing
 * depends on the number of threads.
 */
#include <math.h>
#include <string.h>

#include "blur.h"
#include "coarse.h"
#include "exposure.h"
#include "histogram.h"
#include "logarithms.h"
#include "multiversion.h"

#define GROUP 4 /* rows that a thread takes */

/* --- light ------------------------------------------------------------------------------------------------------ */

enum { LEVEL, RED, BLUE, N_PLANES };

typedef struct {
  CbiganBackend *backend;
  CbiganExposure *exposure;
  const CbiganFrame *frame;
  float curve[256];        /* the exposure's before its level was known */
  CbiganCoarse coarse;     /* of the level */
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
                        .planes = cbigan_scratch_new(backend, float, N_PLANES *w) };
  return self->counts && self->planes;
}

/* A row's level and colours -> planes (N_PLANES, w) */
static void
read_planes(const Reading *self, int row, float *planes)
{
  const int w = self->frame->width;
  cbigan_read_level_and_colours(self->curve, self->frame->data + (gsize)row * self->frame->stride, w,
                                planes + LEVEL * w, planes + RED * w, planes + BLUE * w);
}

/* Groups of rows [first, end): counts of level and colours, and the level's squares */
static void
count_levels(gpointer data, int first, int end)
{
  Reading *self = data;
  const int w = self->frame->width, h = self->frame->height;
  g_auto(RowScratch) scratch;
  if (!row_scratch_init(&scratch, self->backend, (gsize)w))
    return;
  CbiganHistogram *counts = scratch.counts;
  float *planes = scratch.planes;
  set_counts(counts, -3.0, 0.0, -3.0, 3.0);
  for (int row = first * GROUP; row < MIN(end * GROUP, h); row++) {
    read_planes(self, row, planes);
    cbigan_coarse_add(&self->coarse, row, planes + LEVEL * w);
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

/* Groups of rows [first, end): counts of the level's detail, and of the colours' deviations from their medians */
static void
count_detail(gpointer data, int first, int end)
{
  Reading *self = data;
  const int w = self->frame->width, h = self->frame->height;
  g_auto(CbiganEnlarger) enlarger = { 0 };
  g_auto(RowScratch) scratch;
  if (!row_scratch_init(&scratch, self->backend, (gsize)w) ||
      !cbigan_enlarger_init(&enlarger, self->backend, &self->coarse))
    return;
  CbiganHistogram *counts = scratch.counts;
  float *planes = scratch.planes;
  set_counts(counts, 0.0, 1.0, 0.0, 3.0);
  for (int row = first * GROUP; row < MIN(end * GROUP, h); row++) {
    read_planes(self, row, planes);
    subtract_low(planes + LEVEL * w, cbigan_enlarger_row(&enlarger, row), w);
    for (int k = 0; k < N_PLANES; k++)
      cbigan_histogram_add_floats(&counts[k], planes + k * w, w, k == LEVEL ? 0.0 : self->exposure->colour[k - RED],
                                  TRUE);
  }
  add_counts(self, counts);
}

/* The level, contrast and chroma of a frame */
static void
read_light(Reading *reading)
{
  CbiganExposure *self = reading->exposure;
  CbiganHistogram *counts = reading->counts;
  CbiganCoarse *coarse = &reading->coarse;
  const int groups = (coarse->h + GROUP - 1) / GROUP;
  const gsize n = (gsize)coarse->w * (gsize)coarse->h;
  set_counts(counts, -3.0, 0.0, -3.0, 3.0);
  cbigan_backend_each(reading->backend, groups, 3 * n, count_levels, reading);
  for (int k = RED; k <= BLUE; k++)
    self->colour[k - RED] = (float)cbigan_histogram_quantile(&counts[k], 0.5);
  cbigan_exposure_shift(self, cbigan_histogram_quantile(&counts[LEVEL], 0.5));
  cbigan_blur_by(reading->backend, coarse->values, coarse->columns, coarse->rows, CBIGAN_SURFACE_LOW_SIGMA);
  set_counts(counts, 0.0, 1.0, 0.0, 3.0);
  cbigan_backend_each(reading->backend, groups, 3 * n, count_detail, reading);
  self->chroma =
      (float)(2.0 * MAX(cbigan_histogram_quantile(&counts[RED], 0.5), cbigan_histogram_quantile(&counts[BLUE], 0.5)) +
              0.05);
  self->contrast = (float)(2.0 * cbigan_histogram_quantile(&counts[LEVEL], 0.5) + 0.02);
}

double
cbigan_exposure_relative_contrast(const CbiganFrame *frame, double *median)
{
  const gint64 n = (gint64)frame->width * frame->height, every = MAX(n / CBIGAN_EXPOSURE_PIXELS, 1);
  CbiganHistogram counts = { .least = 0.0, .most = 256.0 };
  double grey[256];
  int held = 0;
  for (gint64 i = 0; i < n; i += every) {
    const guint8 *p = frame->data + (gsize)(i / frame->width) * frame->stride + 3 * (i % frame->width);
    grey[held++] = (p[0] + p[1] + p[2]) / 3.0;
    if (held == G_N_ELEMENTS(grey) || i + every >= n) {
      cbigan_histogram_add(&counts, grey, held);
      held = 0;
    }
  }
  *median = cbigan_histogram_quantile(&counts, 0.5);
  return (cbigan_histogram_quantile(&counts, 0.75) - cbigan_histogram_quantile(&counts, 0.25)) /
         (*median + CBIGAN_EXPOSURE_DARK);
}

/* The grey levels that bring a frame's relative contrast between these two. */
static double
find_shift(const CbiganFrame *frame, const double contrast[2])
{
  double median;
  if (contrast[0] <= 0.0)
    return 0.0;
  const double found = cbigan_exposure_relative_contrast(frame, &median);
  const double shift = (median + CBIGAN_EXPOSURE_DARK) * (found / CLAMP(found, contrast[0], contrast[1]) - 1.0);
  return CLAMP(shift, -CBIGAN_EXPOSURE_LARGEST_SHIFT, CBIGAN_EXPOSURE_LARGEST_SHIFT);
}

void
cbigan_exposure_surface(CbiganExposure *self, const CbiganFrame *frame, const double contrast[2],
                        CbiganBackend *backend)
{
  g_autofree CbiganHistogram *counts = cbigan_scratch_new(backend, CbiganHistogram, N_PLANES);
  Reading reading = { .backend = backend,
                      .exposure = self,
                      .frame = frame,
                      .coarse = cbigan_coarse_new(backend, frame->width, frame->height, 4),
                      .counts = counts };
  g_mutex_init(&reading.mutex);
  cbigan_exposure_plain(self, find_shift(frame, contrast));
  memcpy(reading.curve, self->curve, sizeof reading.curve);
  if (counts && reading.coarse.values)
    read_light(&reading);
  cbigan_coarse_clear(&reading.coarse);
  g_mutex_clear(&reading.mutex);
}

/* --- planes ----------------------------------------------------------------------------------------------------- */

typedef struct {
  CbiganBackend *backend;
  const CbiganExposure *exposure;
  const float *x;           /* (3, h, w); NULL: the logarithms are read from the frame */
  const CbiganFrame *frame; /* NULL: x */
  int w, h;
  float *level, *detail, *local, *red, *blue; /* (h, w) */
  CbiganCoarse fours, twos, squares;          /* of the level, and of the local detail's squares */
} Planes;

CBIGAN_WIDE static void
scale_colour(float *x, float less, float by, int w)
{
  for (int i = 0; i < w; i++) {
    const float z = (x[i] - less) / by;
    x[i] = CLAMP(z, -CBIGAN_SURFACE_LARGEST, CBIGAN_SURFACE_LARGEST);
  }
}

/* Groups of rows [first, end): level and colours */
static void
first_planes(gpointer data, int first, int end)
{
  Planes *self = data;
  const CbiganExposure *exposure = self->exposure;
  for (int row = first * GROUP; row < MIN(end * GROUP, self->h); row++) {
    const gsize at = (gsize)row * (gsize)self->w, plane = (gsize)self->w * (gsize)self->h;
    if (self->x)
      cbigan_level_and_colours(self->x + at, plane, self->w, self->level + at, self->red + at, self->blue + at);
    else
      cbigan_read_level_and_colours(exposure->curve, self->frame->data + (gsize)row * self->frame->stride, self->w,
                                    self->level + at, self->red + at, self->blue + at);
    scale_colour(self->red + at, exposure->colour[0], exposure->chroma, self->w);
    scale_colour(self->blue + at, exposure->colour[1], exposure->chroma, self->w);
    cbigan_coarse_add(&self->fours, row, self->level + at);
    cbigan_coarse_add(&self->twos, row, self->level + at);
  }
}

CBIGAN_WIDE static void
detail_row(const float *restrict level, const float *restrict low, float contrast, int w, float *restrict detail)
{
  for (int i = 0; i < w; i++) {
    const float z = (level[i] - low[i]) / contrast;
    detail[i] = CLAMP(z, -CBIGAN_SURFACE_LARGEST, CBIGAN_SURFACE_LARGEST);
  }
}

/* Here the level is read for the last time, so it gets its scale. */
CBIGAN_WIDE static void
local_row(float *restrict level, const float *restrict low, int w, float *restrict local, float *restrict squares)
{
  for (int i = 0; i < w; i++) {
    local[i] = level[i] - low[i];
    squares[i] = local[i] * local[i];
    level[i] *= 1.5f;
  }
}

/* Groups of rows [first, end): detail by the picture's contrast, and detail before it is divided by its own */
static void
detail_planes(gpointer data, int first, int end)
{
  Planes *self = data;
  g_autofree float *squares = cbigan_scratch_new(self->backend, float, (gsize)self->w);
  g_auto(CbiganEnlarger) fours = { 0 }, twos = { 0 };
  if (!squares || !cbigan_enlarger_init(&fours, self->backend, &self->fours) ||
      !cbigan_enlarger_init(&twos, self->backend, &self->twos))
    return;
  for (int row = first * GROUP; row < MIN(end * GROUP, self->h); row++) {
    const gsize at = (gsize)row * (gsize)self->w;
    float *level = self->level + at;
    detail_row(level, cbigan_enlarger_row(&fours, row), self->exposure->contrast, self->w, self->detail + at);
    local_row(level, cbigan_enlarger_row(&twos, row), self->w, self->local + at, squares);
    cbigan_coarse_add(&self->squares, row, squares);
  }
}

CBIGAN_WIDE static void
last_row(const float *restrict mean_square, float contrast, int w, float *restrict local)
{
  for (int i = 0; i < w; i++) {
    const float z = local[i] / ((sqrtf(MAX(mean_square[i], 0.0f)) + 0.5f * contrast) * 1.5f);
    local[i] = CLAMP(z, -CBIGAN_SURFACE_LARGEST, CBIGAN_SURFACE_LARGEST);
  }
}

/* Groups of rows [first, end): detail by its own contrast */
static void
last_planes(gpointer data, int first, int end)
{
  Planes *self = data;
  g_auto(CbiganEnlarger) squares;
  if (!cbigan_enlarger_init(&squares, self->backend, &self->squares))
    return;
  for (int row = first * GROUP; row < MIN(end * GROUP, self->h); row++) {
    const gsize at = (gsize)row * (gsize)self->w;
    last_row(cbigan_enlarger_row(&squares, row), self->exposure->contrast, self->w, self->local + at);
  }
}

static void
fill_planes(Planes *self)
{
  CbiganBackend *backend = self->backend;
  const gsize n = (gsize)self->w * (gsize)self->h;
  const int groups = (self->h + GROUP - 1) / GROUP;
  cbigan_backend_each(backend, groups, 6 * n, first_planes, self);
  cbigan_blur_by(backend, self->fours.values, self->fours.columns, self->fours.rows, CBIGAN_SURFACE_LOW_SIGMA);
  cbigan_blur_by(backend, self->twos.values, self->twos.columns, self->twos.rows, CBIGAN_SURFACE_LOW_SIGMA);
  cbigan_backend_each(backend, groups, 4 * n, detail_planes, self);
  cbigan_blur_by(backend, self->squares.values, self->squares.columns, self->squares.rows, CBIGAN_SURFACE_LOW_SIGMA);
  cbigan_backend_each(backend, groups, 2 * n, last_planes, self);
}

static void
make_planes(const CbiganExposure *exposure, const float *x, const CbiganFrame *frame, int w, int h,
            CbiganBackend *backend, float *planes)
{
  const gsize n = (gsize)w * (gsize)h;
  Planes self = { .backend = backend,
                  .exposure = exposure,
                  .x = x,
                  .frame = frame,
                  .w = w,
                  .h = h,
                  .level = planes,
                  .detail = planes + n,
                  .local = planes + 2 * n,
                  .red = planes + 3 * n,
                  .blue = planes + 4 * n,
                  .fours = cbigan_coarse_new(backend, w, h, 4),
                  .twos = cbigan_coarse_new(backend, w, h, 2),
                  .squares = cbigan_coarse_new(backend, w, h, 4) };
  if (self.fours.values && self.twos.values && self.squares.values)
    fill_planes(&self);
  cbigan_coarse_clear(&self.fours);
  cbigan_coarse_clear(&self.twos);
  cbigan_coarse_clear(&self.squares);
}

void
cbigan_surface_planes(const CbiganExposure *exposure, const float *x, int w, int h, CbiganBackend *backend,
                      float *planes)
{
  make_planes(exposure, x, NULL, w, h, backend, planes);
}

void
cbigan_surface_frame_planes(const CbiganExposure *exposure, const CbiganFrame *frame, CbiganBackend *backend,
                            float *planes)
{
  make_planes(exposure, NULL, frame, frame->width, frame->height, backend, planes);
}
