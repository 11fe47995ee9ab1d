/* filter.c - the few picture operations behind the anomaly maps
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "filter.h"
#include "multiversion.h"

#include <math.h>
#include <string.h>

/* Adds a row of x to the columns' sums, or takes it away. */
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
  int w, h, radius;
  float kernel[2 * CBIGAN_MAX_BLUR + 1];
} Blur;

static void
blur_rows_down(gpointer data, int first, int end)
{
  const Blur *b = data;
  for (int y = first; y < end; y++)
    blur_down(b->x, b->w, b->h, y, b->kernel, b->radius, b->scratch + (gsize)y * b->w);
}

static void
blur_rows_along(gpointer data, int first, int end)
{
  const Blur *b = data;
  for (int y = first; y < end; y++)
    blur_along(b->scratch + (gsize)y * b->w, b->w, b->kernel, b->radius, b->x + (gsize)y * b->w);
}

int
cbigan_filter_kernel(double sigma, float kernel[2 * CBIGAN_MAX_BLUR + 1])
{
  int radius = CLAMP((int)ceil(3.0 * sigma), 1, CBIGAN_MAX_BLUR);
  double sum = 0.0;
  for (int k = -radius; k <= radius; k++)
    sum += exp(-0.5 * k * k / (sigma * sigma));
  for (int k = -radius; k <= radius; k++)
    kernel[k + radius] = (float)(exp(-0.5 * k * k / (sigma * sigma)) / sum);
  return radius;
}

void
cbigan_filter_gaussian(float *x, int w, int h, double sigma, float *scratch, CbiganBackend *backend)
{
  Blur blur = { x, scratch, w, h, 0, { 0 } };
  blur.radius = cbigan_filter_kernel(sigma, blur.kernel);
  gsize numbers = (gsize)w * (gsize)h * (gsize)blur.radius;
  cbigan_backend_each(backend, h, numbers, blur_rows_down, &blur);
  cbigan_backend_each(backend, h, numbers, blur_rows_along, &blur);
}

void
cbigan_resampler_init(CbiganResampler *self, int from, int to)
{
  double scale = (double)from / to;
  int taps = from <= to ? 2 : from % to ? (int)ceil(scale) + 1 : from / to;
  *self = (CbiganResampler){ .from = from, .to = to, .taps = MIN(taps, from) };
  self->first = g_new(int, to);
  self->weight = g_new(float, (gsize)to * self->taps);
  for (int i = 0; i < to; i++) {
    double begin = i * scale, end = begin + scale; /* the output's extent in input samples */
    double centre = CLAMP(begin + 0.5 * scale - 0.5, 0.0, from - 1.0);
    self->first[i] = MIN((int)(from > to ? begin : centre), from - self->taps);
    for (int k = 0; k < self->taps; k++) {
      int sample = self->first[i] + k;
      double overlap = MIN(end, sample + 1.0) - MAX(begin, sample), nearness = 1.0 - fabs(centre - sample);
      self->weight[i * self->taps + k] = (float)MAX(from > to ? overlap / scale : nearness, 0.0);
    }
  }
}

void
cbigan_resampler_clear(CbiganResampler *self)
{
  g_clear_pointer(&self->first, g_free);
  g_clear_pointer(&self->weight, g_free);
}

void
cbigan_resampler_run(const CbiganResampler *self, const float *x, float *scratch, float *out, int stride)
{
  int from = self->from, to = self->to, taps = self->taps;
  memset(scratch, 0, sizeof *scratch * (gsize)to * from);
  for (int i = 0; i < to; i++)
    for (int k = 0; k < taps; k++)
      for (int j = 0; j < from; j++)
        scratch[i * from + j] += self->weight[i * taps + k] * x[(self->first[i] + k) * from + j];
  for (int i = 0; i < to; i++)
    for (int j = 0; j < to; j++) {
      float sum = 0.0f;
      for (int k = 0; k < taps; k++)
        sum += self->weight[j * taps + k] * scratch[i * from + self->first[j] + k];
      out[(gsize)(i * to + j) * stride] = sum;
    }
}
