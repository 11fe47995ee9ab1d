/* distances.c - the critic's features on one grid, and their Mahalanobis distances from good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Any backend in host memory can use this file. cbigan_backend_each() shares its loops among threads, and channels_last
 * tells the order of values.
 */
#include <math.h>
#include <string.h>

#include "multiversion.h"
#include "reference.h"

/* Distances in memory between the numbers of one sample */
typedef struct {
  gsize channel, pixel;
} Strides;

static Strides
strides_of(gboolean channels_last, int channels, int pixels)
{
  return channels_last ? (Strides){ 1, (gsize)channels } : (Strides){ (gsize)pixels, 1 };
}

CBIGAN_WIDE static void
add_scaled(const float *restrict x, gsize n, float weight, float *restrict to)
{
  for (gsize i = 0; i < n; i++)
    to[i] += weight * x[i];
}

/* Row i of a block's grid: down the columns into line, then along them into `to` (grid positions, channels). x, line:
 * rows in the backend's order of values. */
static void
resample_row(const CbiganResampler *r, const CbiganShape *shape, const float *x, gboolean channels_last, int i,
             float *line, float *to, Strides apart)
{
  const gsize c = (gsize)shape->c, w = (gsize)shape->w, plane = w * (gsize)shape->h;
  const gsize segments = channels_last ? 1 : c, length = channels_last ? w * c : w;
  const Strides in = strides_of(channels_last, shape->c, shape->w);
  memset(line, 0, sizeof *line * w * c);
  for (gsize s = 0; s < segments; s++)
    for (int k = 0; k < r->taps; k++)
      add_scaled(x + s * plane + (gsize)(r->first[i] + k) * length, length, r->weight[i * r->taps + k],
                 line + s * length);
  for (int j = 0; j < r->to; j++)
    for (gsize channel = 0; channel < c; channel++) {
      const float *from = line + (gsize)r->first[j] * in.pixel + channel * in.channel;
      float sum = 0.0f;
      for (int k = 0; k < r->taps; k++)
        sum += r->weight[j * r->taps + k] * from[(gsize)k * in.pixel];
      to[(gsize)j * apart.pixel + channel * apart.channel] = sum;
    }
}

/* |W (f - mean)| */
static double
distance(const float *feature, gsize stride, const float *mean, const float *whitening, int channels, float *difference)
{
  double square = 0.0;
  for (int i = 0; i < channels; i++)
    difference[i] = feature[(gsize)i * stride] - mean[i];
  for (int row = 0; row < channels; row++) {
    const float *w = whitening + (gsize)row * channels;
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < channels; i++)
      sum += w[i] * difference[i];
    square += (double)sum * sum;
  }
  return sqrt(square);
}

typedef struct {
  const CbiganCritic *critic;
  float *const *values;
  gboolean channels_last;
  float *distances; /* or NULL */
  float *peaks;     /* per sample */
} Distances;

static void
grid_rows(gpointer data, int first, int end) /* of all samples */
{
  const Distances *d = data;
  const CbiganCritic *critic = d->critic;
  const int grid = critic->grid, positions = grid * grid, channels = critic->channels;
  const Strides out = strides_of(d->channels_last, channels, positions);
  gsize longest = (gsize)channels;
  for (int part = 0; part < critic->n; part++)
    longest = MAX(longest, (gsize)critic->shapes[part].w * critic->shapes[part].c);
  g_autofree float *line = g_new(float, longest);
  for (int i = first; i < end; i++) {
    const int sample = i / grid, row = i % grid;
    float *features = critic->features + (gsize)sample * positions * channels + (gsize)(row * grid) * out.pixel;
    gsize channel = 0;
    for (int part = 0; part < critic->n; part++) {
      const CbiganShape *shape = &critic->shapes[part];
      resample_row(&critic->resamplers[part], shape,
                   d->values[critic->values[part]] + (gsize)sample * cbigan_shape_size(*shape), d->channels_last, row,
                   line, features + channel * out.channel, out);
      channel += (gsize)shape->c;
    }
    for (int j = 0; d->distances && j < grid; j++) {
      const CbiganCriticStatistics *good = critic->good;
      const gsize at = good->positions > 1 ? (gsize)(row * grid + j) : 0;
      d->distances[i * grid + j] =
          (float)distance(features + (gsize)j * out.pixel, out.channel, good->mean + at * (gsize)channels,
                          good->whitening + at * (gsize)channels * (gsize)channels, channels, line);
    }
  }
}

static void
find_peaks(gpointer data, int first, int end) /* of samples */
{
  const Distances *d = data;
  const gsize positions = (gsize)(d->critic->grid * d->critic->grid);
  for (int i = first; i < end; i++)
    d->peaks[i] = cbigan_reference_peak(d->distances + (gsize)i * positions, positions);
}

void
cbigan_reference_distances(CbiganBackend *self, CbiganCritic *critic, float *const *values, int n, float *distances,
                           float *peaks)
{
  const gsize positions = (gsize)(critic->grid * critic->grid), channels = (gsize)critic->channels;
  Distances d = { critic, values, self->channels_last, distances, peaks };
  if (!values) /* the statistics are read from host memory, so nothing is prepared */
    return;
  cbigan_backend_each(self, n * critic->grid, (gsize)n * positions * channels * channels, grid_rows, &d);
  if (distances)
    cbigan_backend_each(self, n, (gsize)n * positions, find_peaks, &d);
}
