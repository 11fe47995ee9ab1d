/* filter.c - the picture operations behind the anomaly maps
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "filter.h"

#include <math.h>
#include <string.h>

#include "multiversion.h"

/* Adds a row of x to the columns' sums (sign 1), or subtracts it (sign -1). */
CBIGAN_WIDE static void
slide(double *columns, const float *row, int w, double sign)
{
  for (int i = 0; i < w; i++)
    columns[i] += sign * row[i];
}

static void
high_pass_row(const float *x, int w, int radius, int rows, gboolean accumulate, const double *columns, float *out)
{
  double sum = 0.0;
  for (int i = 0; i < MIN(radius, w); i++)
    sum += columns[i];
  for (int i = 0; i < w; i++) {
    int first = MAX(i - radius, 0), last = MIN(i + radius, w - 1);
    if (i + radius < w)
      sum += columns[i + radius];
    float value = fabsf(x[i] - (float)(sum / ((double)(last - first + 1) * rows)));
    out[i] = accumulate ? out[i] + value : value;
    if (i - radius >= 0)
      sum -= columns[i - radius];
  }
}

void
cbigan_filter_high_pass(const float *x, int w, int h, int radius, gboolean accumulate, double *columns, float *out)
{
  memset(columns, 0, sizeof *columns * (gsize)w);
  for (int y = 0; y < MIN(radius, h); y++)
    slide(columns, x + (gsize)y * w, w, 1.0);
  for (int y = 0; y < h; y++) {
    int first = MAX(y - radius, 0), last = MIN(y + radius, h - 1);
    if (y + radius < h)
      slide(columns, x + (gsize)(y + radius) * w, w, 1.0);
    high_pass_row(x + (gsize)y * w, w, radius, last - first + 1, accumulate, columns, out + (gsize)y * w);
    if (y - radius >= 0)
      slide(columns, x + (gsize)(y - radius) * w, w, -1.0);
  }
}

/* Row y of x (h, w), blurred down the columns */
CBIGAN_WIDE static void
blur_down(const float *x, int w, int h, int y, const float *kernel, int radius, float *restrict to)
{
  memset(to, 0, sizeof *to * (gsize)w);
  for (int k = -radius; k <= radius; k++) {
    const float *restrict from = x + (gsize)CLAMP(y + k, 0, h - 1) * w;
    for (int i = 0; i < w; i++)
      to[i] += kernel[k + radius] * from[i];
  }
}

CBIGAN_WIDE static void
blur_along(const float *restrict from, int w, const float *kernel, int radius, float *restrict to)
{
  memset(to, 0, sizeof *to * (gsize)w);
  for (int k = -radius; k <= radius; k++) {
    float weight = kernel[k + radius];
    int begin = CLAMP(-k, 0, w), end = CLAMP(w - k, 0, w); /* where i + k is inside */
    for (int i = 0; i < begin; i++)
      to[i] += weight * from[0];
    for (int i = begin; i < end; i++)
      to[i] += weight * from[i + k];
    for (int i = MAX(end, begin); i < w; i++)
      to[i] += weight * from[w - 1];
  }
}

typedef struct {
  float *x, *scratch; /* (h, w) */
  int w, h;
  const CbiganMapFilter *filter;
} Blur;

static void
blur_rows_down(gpointer data, int first, int end)
{
  const Blur *b = data;
  for (int y = first; y < end; y++)
    blur_down(b->x, b->w, b->h, y, b->filter->kernel, b->filter->blur, b->scratch + (gsize)y * b->w);
}

static void
blur_rows_along(gpointer data, int first, int end)
{
  const Blur *b = data;
  for (int y = first; y < end; y++)
    blur_along(b->scratch + (gsize)y * b->w, b->w, b->filter->kernel, b->filter->blur, b->x + (gsize)y * b->w);
}

void
cbigan_filter_blur(float *x, int w, int h, const CbiganMapFilter *filter, float *scratch, CbiganBackend *backend)
{
  Blur blur = { x, scratch, w, h, filter };
  gsize numbers = (gsize)w * (gsize)h * (gsize)filter->blur;
  cbigan_backend_each(backend, h, numbers, blur_rows_down, &blur);
  cbigan_backend_each(backend, h, numbers, blur_rows_along, &blur);
}
