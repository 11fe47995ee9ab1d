/* cells.c - a value per cell of a picture: one number of them, and the anomaly map
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blur.h"
#include "coarse.h"
#include "model/network.h"
#include "multiversion.h"

#define FEWEST_TOP 4
#define PLACE 4 /* cells to each side of a peak that belong to it */

/* Blurred by one cell; of those that count, the mean of the counting cells around them. NULL: there is no memory. */
static float *
blurred(const CbiganCells *cells)
{
  const gsize n = (gsize)cells->w * (gsize)cells->h;
  g_autofree float *x = cbigan_backend_scratch_copy(cells->backend, n, cells->values);
  g_autofree float *weights = cells->counts ? cbigan_scratch_new(cells->backend, float, n) : NULL;
  if (!x || (cells->counts && !weights))
    return NULL;
  for (gsize i = 0; weights && i < n; i++) {
    weights[i] = cells->counts[i];
    x[i] *= weights[i];
  }
  cbigan_blur_by(cells->backend, x, cells->w, cells->h, CBIGAN_CELLS_BLUR);
  if (weights)
    cbigan_blur_by(cells->backend, weights, cells->w, cells->h, CBIGAN_CELLS_BLUR);
  for (gsize i = 0; weights && i < n; i++)
    x[i] = cells->counts[i] ? x[i] / weights[i] : -G_MAXFLOAT;
  return g_steal_pointer(&x);
}

static int
descending(gconstpointer a, gconstpointer b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x < y) - (x > y);
}

static int
ascending(gconstpointer a, gconstpointer b)
{
  return descending(b, a);
}

/* heap (n): each number is at most its two successors', but for the first one, which sinks to its place. */
static void
sink(float *heap, gsize n)
{
  const float value = heap[0];
  gsize at = 0;
  for (gsize next; (next = 2 * at + 1) < n; at = next) {
    next += next + 1 < n && heap[next + 1] < heap[next];
    if (value <= heap[next])
      break;
    heap[at] = heap[next];
  }
  heap[at] = value;
}

gsize
cbigan_cells_top(gsize cells, CbiganSummary summary)
{
  const gsize share = summary == CBIGAN_SUMMARY_TOP ? cells / 100 : cells * 3 / 1000;
  return CLAMP(share, MIN(FEWEST_TOP, cells), cells);
}

/* Keeps the largest numbers in a heap, so that nearly all others cost one comparison. */
static double
mean_of_top(const CbiganCells *cells, CbiganSummary summary)
{
  const gsize all = (gsize)cells->w * (gsize)cells->h;
  g_autofree float *counting = cells->counts ? cbigan_scratch_new(cells->backend, float, all) : NULL;
  const float *values = counting ? counting : cells->values;
  gsize n = counting ? 0 : all;
  for (gsize i = 0; counting && i < all; i++)
    if (cells->counts[i])
      counting[n++] = cells->values[i];
  const gsize top = n ? cbigan_cells_top(n, summary) : 0;
  g_autofree float *x = top ? cbigan_backend_scratch_copy(cells->backend, top, values) : NULL;
  double sum = 0.0;
  if (!x)
    return (double)-G_MAXFLOAT;
  qsort(x, top, sizeof(float), ascending); /* which is a heap */
  for (gsize i = top; i < n; i++)
    if (values[i] > x[0]) {
      x[0] = values[i];
      sink(x, top);
    }
  qsort(x, top, sizeof(float), descending);
  for (gsize i = 0; i < top; i++)
    sum += x[i];
  return sum / (double)top;
}

double
cbigan_cells_summary(const CbiganCells *cells, CbiganSummary summary)
{
  if (summary != CBIGAN_SUMMARY_PEAK)
    return mean_of_top(cells, summary);
  g_autofree float *x = blurred(cells);
  float peak = -G_MAXFLOAT;
  for (gsize i = 0; x && i < (gsize)cells->w * (gsize)cells->h; i++)
    peak = MAX(peak, x[i]);
  return peak;
}

/* The cells about (x, y), which are then taken off: blurred (h, w) becomes -G_MAXFLOAT there. The mean of `most`
 * largest.
 */
static double
take_place(const CbiganCells *cells, float *blurred, int x, int y, gsize most)
{
  enum { SIDE = 2 * PLACE + 1 };
  float around[SIDE * SIDE];
  double sum = 0.0;
  gsize n = 0;
  for (int row = MAX(y - PLACE, 0); row <= MIN(y + PLACE, cells->h - 1); row++)
    for (int column = MAX(x - PLACE, 0); column <= MIN(x + PLACE, cells->w - 1); column++) {
      const gsize i = (gsize)row * (gsize)cells->w + (gsize)column;
      if (blurred[i] > -G_MAXFLOAT)
        around[n++] = cells->values[i];
      blurred[i] = -G_MAXFLOAT;
    }
  qsort(around, n, sizeof(float), descending);
  most = MIN(most, n);
  for (gsize i = 0; i < most; i++)
    sum += around[i];
  return sum / (double)most;
}

void
cbigan_cells_peaks(const CbiganCells *cells, CbiganSummary summary, double peaks[CBIGAN_CELLS_PEAKS])
{
  const gsize n = (gsize)cells->w * (gsize)cells->h;
  g_autofree float *x = blurred(cells);
  gsize counting = 0;
  for (gsize i = 0; x && i < n; i++)
    counting += x[i] > -G_MAXFLOAT;
  for (int place = 0; place < CBIGAN_CELLS_PEAKS; place++) {
    gsize highest = 0;
    peaks[place] = -G_MAXFLOAT;
    if (!counting)
      continue;
    for (gsize i = 1; i < n; i++)
      highest = x[i] > x[highest] ? i : highest;
    const double peak = x[highest];
    const int column = (int)(highest % (gsize)cells->w), row = (int)(highest / (gsize)cells->w);
    if (x[highest] > -G_MAXFLOAT) {
      const double mean = take_place(cells, x, column, row, cbigan_cells_top(counting, summary));
      peaks[place] = summary == CBIGAN_SUMMARY_PEAK ? peak : mean;
    }
  }
}

double
cbigan_softplus(double value)
{
  return log1p(exp(-fabs(value))) + MAX(value, 0.0);
}

#define EIGHTY_EIGHT 0x42b00000 /* bits of 88.0f, from where on the power is 0 */

/* The same of n numbers at once, with an error of a few units in the last place. e^-|x| is 2^-whole e^-rest by a
 * series, and log(1 + t) is 2 artanh(t / (2 + t)). */
CBIGAN_WIDE static void
soften(float *x, int n)
{
  for (int i = 0; i < n; i++) {
    const float value = x[i], size = fabsf(value);
    gint32 most_bits;
    memcpy(&most_bits, &size, sizeof most_bits);
    most_bits = MIN(most_bits, EIGHTY_EIGHT); /* compared as floats, the loop would have branches */
    float most;
    memcpy(&most, &most_bits, sizeof most);
    const int whole = (int)(most * 1.44269504f + 0.5f);
    const float rest =
        (most - (float)whole * 0.693359375f) + (float)whole * 2.12194440e-4f; /* of log 2, in two parts */
    const gint32 bits = (127 - whole) << 23;
    float power, sum = 1.0f / 5040.0f;
    memcpy(&power, &bits, sizeof power);
    sum = 1.0f / 720.0f - rest * sum;
    sum = 1.0f / 120.0f - rest * sum;
    sum = 1.0f / 24.0f - rest * sum;
    sum = 1.0f / 6.0f - rest * sum;
    sum = 0.5f - rest * sum;
    sum = 1.0f - rest * sum;
    sum = 1.0f - rest * sum;
    const float t = power * sum, s = t / (2.0f + t), square = s * s;
    float series = 1.0f / 13.0f;
    series = 1.0f / 11.0f + square * series;
    series = 1.0f / 9.0f + square * series;
    series = 1.0f / 7.0f + square * series;
    series = 1.0f / 5.0f + square * series;
    series = 1.0f / 3.0f + square * series;
    series = 1.0f + square * series;
    x[i] = 2.0f * s * series + 0.5f * (value + size); /* the latter is the value if it is positive, else 0 */
  }
}

typedef struct {
  CbiganBackend *backend;
  const CbiganCoarse *coarse;
  float *map; /* (h, w) */
} Drawing;

static void
soften_rows(gpointer data, int first, int end) /* of cells */
{
  const CbiganCoarse *coarse = ((const Drawing *)data)->coarse;
  soften(coarse->values + (gsize)first * (gsize)coarse->columns, (end - first) * coarse->columns);
}

static void
draw_rows(gpointer data, int first, int end)
{
  const Drawing *drawing = data;
  const gsize w = (gsize)drawing->coarse->w;
  g_auto(CbiganEnlarger) enlarger;
  if (!cbigan_enlarger_init(&enlarger, drawing->backend, drawing->coarse))
    return;
  for (int row = first; row < end; row++)
    cbigan_enlarger_write(&enlarger, row, drawing->map + (gsize)row * w);
}

#define SOFTPLUS 4 /* numbers that take as long to copy as one softplus */

float
cbigan_cells_draw(const CbiganCells *cells, int w, int h, float *map)
{
  g_autofree float *x = blurred(cells);
  const gsize n = (gsize)cells->w * (gsize)cells->h;
  float largest = 0.0f;
  if (!x)
    return largest;
  const CbiganCoarse coarse = { w, h, CBIGAN_INSPECTOR_CELL, cells->w, cells->h, x };
  Drawing drawing = { cells->backend, &coarse, map };
  cbigan_backend_each(cells->backend, cells->h, SOFTPLUS * n, soften_rows, &drawing);
  for (gsize i = 0; i < n; i++)
    largest = MAX(largest, x[i]);
  cbigan_backend_each(cells->backend, h, (gsize)w * (gsize)h, draw_rows, &drawing);
  return largest;
}
