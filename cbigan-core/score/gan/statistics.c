/* statistics.c - sums over good pictures that add up and subtract, and the statistics behind them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "statistics.h"

#include <math.h>
#include <string.h>

#include "opencv.h"

#define LEAST_VARIANCE 1e-10 /* if good pictures do not differ at all */

enum { MAP_SUM, MAP_SQUARES, CRITIC_SUM, CRITIC_SCATTER, N_ARRAYS };

/* The arrays and their lengths, for loops over all of them */
static void
list(const CbiganSums *self, double *arrays[N_ARRAYS], gsize sizes[N_ARRAYS])
{
  gsize map = (gsize)self->shape.w * self->shape.h, channels = (gsize)self->shape.channels;
  gsize sum = (gsize)self->shape.positions * channels;
  double *const all[N_ARRAYS] = { self->map_sum, self->map_squares, self->critic_sum, self->critic_scatter };
  const gsize lengths[N_ARRAYS] = { map, map, sum, sum * channels };
  memcpy(arrays, all, sizeof all);
  memcpy(sizes, lengths, sizeof lengths);
}

gsize
cbigan_sums_size(const CbiganSumsShape *shape)
{
  const gsize map = (gsize)shape->w * (gsize)shape->h, channels = (gsize)shape->channels;
  return (2 * map + (gsize)shape->positions * channels * (1 + channels)) * sizeof(double);
}

CbiganSums *
cbigan_sums_new(const CbiganSumsShape *shape)
{
  CbiganSums *self = g_new0(CbiganSums, 1);
  double *arrays[N_ARRAYS];
  gsize sizes[N_ARRAYS];
  self->shape = *shape;
  list(self, arrays, sizes);
  self->map_sum = g_new0(double, sizes[MAP_SUM]);
  self->map_squares = g_new0(double, sizes[MAP_SQUARES]);
  self->critic_sum = g_new0(double, sizes[CRITIC_SUM]);
  self->critic_scatter = g_new0(double, sizes[CRITIC_SCATTER]);
  self->scratch = g_new(double, (gsize)shape->channels * shape->channels);
  return self;
}

void
cbigan_sums_free(CbiganSums *self)
{
  if (!self)
    return;
  g_free(self->map_sum);
  g_free(self->map_squares);
  g_free(self->critic_sum);
  g_free(self->critic_scatter);
  g_free(self->scratch);
  g_free(self);
}

void
cbigan_sums_add_map(CbiganSums *self, const float *map, gsize n)
{
  gsize step = self->shape.w * self->shape.h > 1 ? 1 : 0;
  for (gsize i = 0; i < n; i++) {
    self->map_sum[i * step] += map[i];
    self->map_squares[i * step] += (double)map[i] * map[i];
  }
  self->map_samples += step ? 1.0 : (double)n;
}

void
cbigan_sums_add_features(CbiganSums *self, const float *features, guint n_patches)
{
  int positions = self->shape.positions, channels = self->shape.channels;
  /* with one Gaussian for all, all positions of all patches are its samples */
  int rows = (int)n_patches * self->shape.grid * self->shape.grid / positions;
  for (int p = 0; p < positions; p++) {
    const float *samples = features + (gsize)p * rows * channels;
    double *sum = self->critic_sum + (gsize)p * channels;
    for (int row = 0; row < rows; row++)
      for (int i = 0; i < channels; i++)
        sum[i] += samples[(gsize)row * channels + i];
    cbigan_opencv_scatter(samples, rows, channels, self->critic_scatter + (gsize)p * channels * channels,
                          self->scratch);
  }
  self->critic_samples += rows;
}

static void
add_scaled(CbiganSums *self, const CbiganSums *other, double sign)
{
  double *to[N_ARRAYS], *from[N_ARRAYS];
  gsize sizes[N_ARRAYS];
  list(self, to, sizes);
  list(other, from, sizes);
  for (int array = 0; array < N_ARRAYS; array++)
    for (gsize i = 0; i < sizes[array]; i++)
      to[array][i] += sign * from[array][i];
  self->map_samples += sign * other->map_samples;
  self->critic_samples += sign * other->critic_samples;
}

void
cbigan_sums_add(CbiganSums *self, const CbiganSums *other)
{
  add_scaled(self, other, 1.0);
}

void
cbigan_sums_foreach(CbiganSums *self, void (*sum)(gsize n, double *numbers))
{
  double *arrays[N_ARRAYS];
  gsize sizes[N_ARRAYS];
  list(self, arrays, sizes);
  for (int array = 0; array < N_ARRAYS; array++)
    sum(sizes[array], arrays[array]);
  sum(1, &self->map_samples);
  sum(1, &self->critic_samples);
}

CbiganSums *
cbigan_sums_difference(const CbiganSums *a, const CbiganSums *b)
{
  CbiganSums *self = cbigan_sums_new(&a->shape);
  add_scaled(self, a, 1.0);
  add_scaled(self, b, -1.0);
  return self;
}

CbiganMapStatistics
cbigan_sums_map(const CbiganSums *self)
{
  gsize n = (gsize)self->shape.w * self->shape.h;
  CbiganMapStatistics map = {
    .w = self->shape.w, .h = self->shape.h, .mean = g_new(float, n), .deviation = g_new(float, n)
  };
  for (gsize i = 0; i < n; i++) {
    double mean = self->map_sum[i] / self->map_samples;
    map.mean[i] = (float)mean;
    map.deviation[i] = (float)sqrt(MAX(self->map_squares[i] / self->map_samples - mean * mean, 0.0));
  }
  return map;
}

/* What is added to the diagonal, in mean variances: the fewer samples a channel, the less they say of the covariance.
 * (Ledoit and Wolf 2004 shrink in the same ratio.) */
static double
regularisation(int channels, double samples)
{
  return CLAMP(0.1 * channels / samples, 0.01, 0.05);
}

/* covariance (n, n) of so many samples, overwritten, -> W (n, n), upper triangle, W^T W = its inverse */
static void
whiten(double *covariance, int n, double samples, float *whitening)
{
  double variance = 0.0;
  for (int i = 0; i < n; i++)
    variance += covariance[i * n + i] / n;
  for (int i = 0; i < n; i++)
    covariance[i * n + i] += regularisation(n, samples) * variance + LEAST_VARIANCE;
  if (!cbigan_opencv_invert(covariance, n))
    g_assert_not_reached(); /* its smallest eigenvalue is the regularisation */
  /* Cholesky: inverse = L L^T, row by row into the lower triangle; W = L^T */
  double *l = covariance;
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++) {
      double sum = l[i * n + j];
      for (int k = 0; k < j; k++)
        sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i == j ? sqrt(MAX(sum, 0.0)) : sum / l[j * n + j];
    }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      whitening[j * n + i] = j <= i ? (float)l[i * n + j] : 0.0f;
}

CbiganCriticStatistics
cbigan_sums_critic(const CbiganSums *self)
{
  int n = self->shape.channels;
  gsize square = (gsize)n * n;
  CbiganCriticStatistics critic = { .positions = self->shape.positions, .channels = n };
  critic.mean = g_new(float, (gsize)critic.positions *n);
  critic.whitening = g_new(float, (gsize)critic.positions *square);
  for (int p = 0; p < critic.positions; p++) {
    const double *sum = self->critic_sum + (gsize)p * n, *scatter = self->critic_scatter + (gsize)p * square;
    double samples = self->critic_samples;
    for (int i = 0; i < n; i++) {
      critic.mean[(gsize)p * n + i] = (float)(sum[i] / samples);
      for (int j = 0; j < n; j++)
        self->scratch[i * n + j] = scatter[i * n + j] / samples - sum[i] / samples * (sum[j] / samples);
    }
    whiten(self->scratch, n, samples, critic.whitening + (gsize)p * square);
  }
  return critic;
}

void
cbigan_statistics_clear(CbiganMapStatistics *map, CbiganCriticStatistics *critic)
{
  g_free(map->mean);
  g_free(map->deviation);
  g_free(critic->mean);
  g_free(critic->whitening);
  *map = (CbiganMapStatistics){ 0 };
  *critic = (CbiganCriticStatistics){ 0 };
}
