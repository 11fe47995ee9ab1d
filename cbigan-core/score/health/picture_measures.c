/* picture_measures.c - what can be measured of a picture, whatever it shows
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * With the grey level g = (R + 2 G + B) / 4 of each pixel, 0..255:
 *
 *   brightness  mean of g
 *   contrast    sqrt(mean of (g - brightness)^2)
 *   sharpness   variance of the Laplacian g * [0 1 0; 1 -4 1; 0 1 0]  (Pech-Pacheco et al. 2000, "variance of
 * Laplacian") noise       sqrt(pi / 2) / 6 * mean of |g * [1 -2 1; -2 4 -2; 1 -2 1]|  (J. Immerkaer, "Fast Noise
 * Variance Estimation", 1996): the standard deviation of white noise, as the mask cancels planes and edges
 *   unevenness  largest |q - q' - (m - m')| of the four quarters, with the mean q of a quarter and m of the picture,
 * and q', m' of the mean good picture likeness    Pearson's correlation with the mean good picture, both of 16 x 16
 * mean greys
 *
 * 32 rows of a frame count, or as many as give 8192 pixels, with their neighbours above and below.
 * To add a measure: a value in CbiganMeasure, its name and its line here, its bounds in health.c.
 */
#include <math.h>
#include <string.h>

#include "model/error.h"
#include "score/areas/areas.h"
#include "health.h"
#include "multiversion.h"

#define LEAST_ROWS 32
#define ENOUGH 8192 /* pixels */
#define LITTLE 8.0  /* grey levels: keeps noise in the dark small */
#define UNIT 4.0    /* greys are kept as R + 2 G + B */
#define SIDE CBIGAN_THUMBNAIL_SIDE
#define SAMPLES CBIGAN_SAMPLES_SIDE

/* Sums over the rows that count, in quarters of a grey level. */
typedef struct {
  double n, grey, squares;
  double n_inner, laplacian, laplacian_squares, noise; /* of pixels with neighbours all around */
  double dark, bright;                                 /* pixels */
  double thumbnail[SIDE * SIDE], in_thumbnail[SIDE * SIDE];
} Sums;

CBIGAN_WIDE static void
read_greys(const CbiganFrame *frame, int y, gint16 *grey)
{
  const guint8 *p = frame->data + (gsize)y * frame->stride;
  for (int x = 0; x < frame->width; x++, p += 3)
    grey[x] = (gint16)(p[0] + 2 * p[1] + p[2]);
}

/* above, row, below: greys of three rows */
CBIGAN_WIDE_SUM static void
add_neighbourhoods(Sums *sums, const gint16 *above, const gint16 *row, const gint16 *below, int w)
{
  int laplacian = 0, noise = 0;
  float squares = 0.0f;
#pragma omp simd reduction(+ : laplacian, squares, noise)
  for (int x = 1; x < w - 1; x++) {
    const int cross = above[x] + below[x] + row[x - 1] + row[x + 1];
    const int corners = above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1];
    const int l = cross - 4 * row[x];
    laplacian += l;
    squares += (float)l * (float)l;
    noise += ABS(corners - 2 * cross + 4 * row[x]);
  }
  sums->n_inner += MAX(w - 2, 0);
  sums->laplacian += laplacian;
  sums->laplacian_squares += (double)squares;
  sums->noise += noise;
}

CBIGAN_WIDE_SUM static void
add_row(Sums *sums, const gint16 *row, int w, int y, int h)
{
  float squares = 0.0f;
  int grey = 0, bright = 0, dark = 0;
#pragma omp simd reduction(+ : grey, squares, bright, dark)
  for (int x = 0; x < w; x++) {
    const float g = (float)row[x];
    grey += row[x];
    squares += g * g;
    dark += row[x] < CBIGAN_DARK * (int)UNIT;
    bright += row[x] >= CBIGAN_BRIGHT * (int)UNIT;
  }
  sums->n += w;
  sums->grey += grey;
  sums->squares += (double)squares;
  sums->dark += dark;
  sums->bright += bright;
  const gsize first = (gsize)SIDE * (gsize)((gint64)y * SIDE / h);
  for (int i = 0; i < SIDE; i++) {
    const int left = (int)((gint64)i * w / SIDE), right = (int)((gint64)(i + 1) * w / SIDE);
    int sum = 0;
    for (int x = left; x < right; x++)
      sum += row[x];
    sums->thumbnail[first + (gsize)i] += sum;
    sums->in_thumbnail[first + (gsize)i] += right - left;
  }
}

static void
take_samples(const CbiganFrame *frame, guint16 samples[SAMPLES * SAMPLES])
{
  for (int j = 0; j < SAMPLES; j++) {
    const guint8 *row = frame->data + (gsize)((gint64)(2 * j + 1) * frame->height / (2 * SAMPLES)) * frame->stride;
    for (int i = 0; i < SAMPLES; i++) {
      const guint8 *p = row + 3 * (gsize)((gint64)(2 * i + 1) * frame->width / (2 * SAMPLES));
      samples[j * SAMPLES + i] = (guint16)(p[0] + 2 * p[1] + p[2]);
    }
  }
}

static void
finish(const Sums *sums, CbiganPictureMeasures *measures)
{
  const double mean = sums->grey / sums->n, lap = sums->laplacian / sums->n_inner;
  double *values = measures->values;
  values[CBIGAN_MEASURE_BRIGHTNESS] = mean / UNIT;
  values[CBIGAN_MEASURE_CONTRAST] = sqrt(MAX(sums->squares / sums->n - mean * mean, 0.0)) / UNIT;
  values[CBIGAN_MEASURE_SHARPNESS] = MAX(sums->laplacian_squares / sums->n_inner - lap * lap, 0.0) / (UNIT * UNIT);
  values[CBIGAN_MEASURE_NOISE] = sqrt(G_PI / 2.0) / 6.0 * sums->noise / sums->n_inner / UNIT;
  values[CBIGAN_MEASURE_UNEVENNESS] = values[CBIGAN_MEASURE_LIKENESS] = NAN;
  measures->dark = sums->dark / sums->n;
  measures->bright = sums->bright / sums->n;
  for (int i = 0; i < SIDE * SIDE; i++)
    measures->thumbnail[i] =
        (float)((sums->in_thumbnail[i] > 0.0 ? sums->thumbnail[i] / sums->in_thumbnail[i] : mean) / UNIT);
}

static void
measure(const CbiganFrame *frame, CbiganPictureMeasures *measures)
{
  const int w = frame->width, h = frame->height;
  const int n = MIN(MAX(LEAST_ROWS, ENOUGH / w), h - 2);
  g_autofree gint16 *greys = g_new(gint16, 3 * (gsize)w);
  Sums sums = { 0 };
  for (int i = 0; i < n; i++) {
    const int y = 1 + (int)((gint64)i * (h - 2) / n);
    for (int k = 0; k < 3; k++)
      read_greys(frame, y - 1 + k, greys + (gsize)k * (gsize)w);
    add_row(&sums, greys + w, w, y, h);
    add_neighbourhoods(&sums, greys, greys + w, greys + 2 * (gsize)w, w);
  }
  take_samples(frame, measures->samples);
  finish(&sums, measures);
}

gboolean
cbigan_picture_measure(const CbiganModelInfo *info, const CbiganFrame *frame, CbiganPictureMeasures *measures)
{
  CbiganFrame filled = *frame;
  g_autofree guint8 *pixels = NULL;
  g_autoptr(CbiganAreas) areas = NULL;
  g_return_val_if_fail(measures, FALSE);
  if (frame->on_device || frame->width < 3 || frame->height < 3)
    return FALSE;
  if (info && info->mask.counts && cbigan_areas_for_frames(&info->mask, frame, 1, &areas, NULL) && areas) {
    filled.stride = 3 * (gsize)frame->width;
    filled.data = pixels = cbigan_try_new(guint8, filled.stride * (gsize)frame->height, NULL);
    if (!pixels)
      return FALSE;
    for (int y = 0; y < frame->height; y++)
      memcpy(pixels + (gsize)y * filled.stride, frame->data + (gsize)y * frame->stride, filled.stride);
    cbigan_areas_fill(areas, pixels);
  }
  measure(&filled, measures);
  return TRUE;
}

static double
likeness(const float *a, const float *b)
{
  double n = SIDE * SIDE, sum_a = 0.0, sum_b = 0.0, aa = 0.0, bb = 0.0, ab = 0.0;
  for (int i = 0; i < SIDE * SIDE; i++) {
    sum_a += (double)a[i];
    sum_b += (double)b[i];
    aa += (double)a[i] * (double)a[i];
    bb += (double)b[i] * (double)b[i];
    ab += (double)a[i] * (double)b[i];
  }
  const double va = aa / n - sum_a / n * (sum_a / n), vb = bb / n - sum_b / n * (sum_b / n);
  const double covariance = ab / n - sum_a / n * (sum_b / n);
  return va > 1e-6 && vb > 1e-6 ? CLAMP(covariance / sqrt(va * vb), -1.0, 1.0) : 0.0;
}

static double
unevenness(const float *a, const float *b)
{
  double quarters[2][4] = { { 0.0 } }, all[2] = { 0.0 }, most = 0.0;
  for (int i = 0; i < SIDE * SIDE; i++) {
    const int quarter = 2 * (i / SIDE / (SIDE / 2)) + i % SIDE / (SIDE / 2);
    quarters[0][quarter] += (double)a[i] / (SIDE * SIDE / 4);
    quarters[1][quarter] += (double)b[i] / (SIDE * SIDE / 4);
    all[0] += (double)a[i] / (SIDE * SIDE);
    all[1] += (double)b[i] / (SIDE * SIDE);
  }
  for (int i = 0; i < 4; i++)
    most = MAX(most, fabs(log((quarters[0][i] + LITTLE) / (all[0] + LITTLE)) -
                          log((quarters[1][i] + LITTLE) / (all[1] + LITTLE))));
  return most;
}

void
cbigan_measure_against(const float *thumbnail, const float *usual, double values[CBIGAN_N_MEASURES])
{
  values[CBIGAN_MEASURE_UNEVENNESS] = unevenness(thumbnail, usual);
  values[CBIGAN_MEASURE_LIKENESS] = likeness(thumbnail, usual);
}
