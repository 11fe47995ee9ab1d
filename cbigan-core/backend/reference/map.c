/* map.c - a frame's anomaly map from the differences of its patches, compared with good pictures, and its peak
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Any backend in host memory can use this file. cbigan_backend_each() shares its loops among threads, and channels_last
 * tells the order of values.
 */
#include <math.h>
#include <string.h>

#include "filter.h"
#include "multiversion.h"
#include "reference.h"

CBIGAN_WIDE static float
peak_of(const float *x, gsize n)
{
  float peak = x[0], spoilt = 0.0f; /* stays 0 unless a number is infinite or NaN */
#pragma omp simd reduction(max : peak) reduction(+ : spoilt)
  for (gsize i = 0; i < n; i++) {
    peak = MAX(peak, x[i]);
    spoilt += x[i] * 0.0f;
  }
  return spoilt == 0.0f ? peak : NAN;
}

float
cbigan_reference_peak(const float *x, gsize n)
{
  return peak_of(x, n);
}

typedef struct {
  const CbiganFrameTiling *tiling;
  const float *differences;
  gboolean channels_last;
  float *frame;          /* (3, height, width) */
  guint8 *across, *down; /* patches per column (width), per row (height) of pixels */
} Mosaic;

/* counts[i] = how many patches with these corners cover pixel i of `length`. */
static void
count_patches(const float *corners, int n, int side, int length, guint8 *counts)
{
  memset(counts, 0, (gsize)length);
  for (int i = 0; i < n; i++)
    for (int k = (int)corners[i]; k < (int)corners[i] + side; k++)
      counts[k]++;
}

/* from: numbers `step` apart */
CBIGAN_WIDE static void
add(const float *restrict from, int n, int step, float *restrict to)
{
  if (step == 1)
    for (int i = 0; i < n; i++)
      to[i] += from[i];
  else
    for (int i = 0; i < n; i++)
      to[i] += from[i * 3];
}

CBIGAN_WIDE static void
divide(float *restrict x, int n, const guint8 *restrict across, int down)
{
  for (int i = 0; i < n; i++)
    x[i] /= (float)(across[i] * down);
}

/* Rows of all channels: the mean of the patches that cover each pixel */
static void
mosaic_rows(gpointer data, int first, int end)
{
  const Mosaic *m = data;
  const CbiganFrameTiling *t = m->tiling;
  const int side = t->side, step = m->channels_last ? 3 : 1;
  const gsize plane = (gsize)side * side;
  for (int row = first; row < end; row++) {
    const int channel = row / t->height, y = row % t->height;
    float *to = m->frame + (gsize)row * t->width;
    memset(to, 0, sizeof *to * (gsize)t->width);
    for (int i = 0; i < t->rows; i++) {
      const int within = y - (int)t->down[i];
      for (int k = 0; within >= 0 && within < side && k < t->columns; k++) {
        const float *patch = m->differences + (gsize)(i * t->columns + k) * 3 * plane;
        const gsize at = (gsize)within * side;
        add(m->channels_last ? patch + 3 * at + channel : patch + (gsize)channel * plane + at, side, step,
            to + (int)t->across[k]);
      }
    }
    if (t->columns * side != t->width || m->down[y] > 1) /* else no patch overlaps another here */
      divide(to, t->width, m->across, m->down[y]);
  }
}

CBIGAN_WIDE static void
sum_channels(const float *restrict d, gsize pixels, gsize n, float *restrict map)
{
  for (gsize i = 0; i < n; i++)
    map[i] = fabsf(d[i]) + fabsf(d[i + pixels]) + fabsf(d[i + 2 * pixels]);
}

typedef struct {
  const float *frame; /* (3, height, width) */
  gsize width, pixels;
  float *map;
} Sums;

static void
sum_rows(gpointer data, int first, int end)
{
  const Sums *s = data;
  const gsize at = (gsize)first * s->width;
  sum_channels(s->frame + at, s->pixels, (gsize)(end - first) * s->width, s->map + at);
}

/* Numbers that are not finite stay not finite. step: 1, or 0 for one mean and deviation */
CBIGAN_WIDE static void
compare(float *restrict x, gsize n, const float *restrict mean, const float *restrict deviation, gsize step,
        float floor)
{
  for (gsize i = 0; i < n; i++) {
    const float z = (x[i] - mean[i * step]) / (deviation[i * step] + floor);
    x[i] = z < 0.0f ? 0.0f : z;
  }
}

typedef struct {
  const CbiganMapBaseline *good; /* or NULL */
  gsize width;
  float *map, *peaks; /* peaks: (height), one per row */
} Comparison;

static void
compare_rows(gpointer data, int first, int end)
{
  const Comparison *c = data;
  for (int y = first; y < end; y++) {
    float *row = c->map + (gsize)y * c->width;
    if (c->good) {
      const gsize step = c->good->aligned ? 1 : 0, at = step * (gsize)y * c->width;
      compare(row, c->width, c->good->mean + at, c->good->deviation + at, step, c->good->floor);
    }
    c->peaks[y] = cbigan_reference_peak(row, c->width);
  }
}

void
cbigan_reference_map(CbiganBackend *self, const CbiganFrameTiling *tiling, const float *differences,
                     const CbiganMapFilter *filter, const CbiganMapBaseline *good, float *scratch, float *map,
                     float *peak)
{
  const int w = tiling->width, h = tiling->height;
  const gsize pixels = (gsize)w * (gsize)h;
  float *frame = scratch, *blurred = scratch + 3 * pixels, *peaks = scratch + 6 * pixels;
  double *columns = (double *)(gpointer)(scratch + 4 * pixels);
  guint8 *across = (guint8 *)(scratch + 5 * pixels);
  Mosaic mosaic = { tiling, differences, self->channels_last, frame, across, across + w };
  Comparison comparison = { good, (gsize)w, map, peaks };
  count_patches(tiling->across, tiling->columns, tiling->side, w, mosaic.across);
  count_patches(tiling->down, tiling->rows, tiling->side, h, mosaic.down);
  cbigan_backend_each(self, 3 * h, 3 * pixels, mosaic_rows, &mosaic);
  if (filter->high_pass == 0)
    cbigan_backend_each(self, h, pixels, sum_rows, &(Sums){ frame, (gsize)w, pixels, map });
  for (gsize channel = 0; filter->high_pass > 0 && channel < 3; channel++)
    cbigan_filter_high_pass(frame + channel * pixels, w, h, filter->high_pass, channel > 0, columns, map);
  cbigan_filter_blur(map, w, h, filter, blurred, self);
  if (!good && !peak)
    return;
  cbigan_backend_each(self, h, pixels, compare_rows, &comparison);
  if (peak)
    *peak = cbigan_reference_peak(peaks, (gsize)h);
}
