/* gaussian.c - Gaussians of features of good pictures, one per position, and the distance from them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gaussian.h"

#include <math.h>
#include <string.h>

#include "multiversion.h"

#define SHARED_VARIANCE 0.05 /* of a channel's mean variance, added to each position's */
#define LEAST_VARIANCE 1e-8
#define BLOCK 256 /* cells whose distances are computed together: their sums stay in the cache */

struct _CbiganGaussianSums {
  int channels;
  gsize positions;
  double samples;   /* per position */
  double *sum;      /* (channels, positions) */
  double *products; /* (channels * (channels + 1) / 2, positions): of pairs i, j <= i */
};

/* Row of the pair (i, j), j <= i, in a lower triangle. */
static gsize
pair(int i, int j)
{
  return (gsize)i * ((gsize)i + 1) / 2 + (gsize)j;
}

CbiganGaussianSums *
cbigan_gaussian_sums_new(int channels, gsize positions)
{
  CbiganGaussianSums *self = g_new0(CbiganGaussianSums, 1);
  self->channels = channels;
  self->positions = positions;
  self->sum = g_new0(double, (gsize)channels *positions);
  self->products = g_new0(double, pair(channels, 0) * positions);
  return self;
}

void
cbigan_gaussian_sums_free(CbiganGaussianSums *self)
{
  if (!self)
    return;
  g_free(self->sum);
  g_free(self->products);
  g_free(self);
}

void
cbigan_gaussian_sums_add(CbiganGaussianSums *self, const float *features, gsize cells)
{
  const gsize step = self->positions > 1 ? 1 : 0;
  for (int i = 0; i < self->channels; i++) {
    const float *x = features + (gsize)i * cells;
    double *sum = self->sum + (gsize)i * self->positions;
    for (gsize k = 0; k < cells; k++)
      sum[k * step] += x[k];
    for (int j = 0; j <= i; j++) {
      const float *y = features + (gsize)j * cells;
      double *products = self->products + pair(i, j) * self->positions;
      for (gsize k = 0; k < cells; k++)
        products[k * step] += (double)x[k] * y[k];
    }
  }
  self->samples += self->positions > 1 ? 1.0 : (double)cells;
}

void
cbigan_gaussian_sums_merge(CbiganGaussianSums *self, const CbiganGaussianSums *other)
{
  for (gsize i = 0; i < (gsize)self->channels * self->positions; i++)
    self->sum[i] += other->sum[i];
  for (gsize i = 0; i < pair(self->channels, 0) * self->positions; i++)
    self->products[i] += other->products[i];
  self->samples += other->samples;
}

void
cbigan_gaussian_sums_foreach(CbiganGaussianSums *self, void (*sum)(gsize n, double *numbers))
{
  sum((gsize)self->channels * self->positions, self->sum);
  sum(pair(self->channels, 0) * self->positions, self->products);
  sum(1, &self->samples);
}

/* Mean variance of a channel over all positions. */
static double
mean_variance(const CbiganGaussianSums *self, int i)
{
  double sum = 0.0;
  for (gsize p = 0; p < self->positions; p++) {
    double mean = self->sum[(gsize)i * self->positions + p] / self->samples;
    sum += MAX(self->products[pair(i, i) * self->positions + p] / self->samples - mean * mean, 0.0);
  }
  return sum / (double)self->positions;
}

/* Lower triangle of a positive definite matrix, overwritten by the inverse of its Cholesky factor. */
static void
invert_factor(double *a, int n)
{
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++) {
      double sum = a[pair(i, j)];
      for (int k = 0; k < j; k++)
        sum -= a[pair(i, k)] * a[pair(j, k)];
      a[pair(i, j)] = i == j ? sqrt(MAX(sum, 1e-12)) : sum / a[pair(j, j)];
    }
  for (int i = 0; i < n; i++) {
    const double diagonal = a[pair(i, i)];
    for (int j = 0; j < i; j++) {
      double sum = 0.0;
      for (int k = j; k < i; k++)
        sum += a[pair(i, k)] * a[pair(k, j)];
      a[pair(i, j)] = -sum / diagonal;
    }
    a[pair(i, i)] = 1.0 / diagonal;
  }
}

void
cbigan_gaussian_sums_finish(const CbiganGaussianSums *self, float *mean, float *whitening)
{
  const int n = self->channels;
  const double shrunk = CLAMP(0.1 * n / self->samples, 0.02, 0.5);
  g_autofree double *shared = g_new(double, n), *deviation = g_new(double, n), *matrix = g_new(double, pair(n, 0));
  for (int i = 0; i < n; i++)
    shared[i] = SHARED_VARIANCE * mean_variance(self, i) + LEAST_VARIANCE;
  for (gsize p = 0; p < self->positions; p++) {
    for (int i = 0; i < n; i++)
      for (int j = 0; j <= i; j++) {
        double a = self->sum[(gsize)i * self->positions + p] / self->samples;
        double b = self->sum[(gsize)j * self->positions + p] / self->samples;
        matrix[pair(i, j)] = self->products[pair(i, j) * self->positions + p] / self->samples - a * b;
      }
    for (int i = 0; i < n; i++) {
      mean[(gsize)i * self->positions + p] = (float)(self->sum[(gsize)i * self->positions + p] / self->samples);
      deviation[i] = sqrt(MAX(matrix[pair(i, i)], 0.0) + shared[i]);
    }
    for (int i = 0; i < n; i++)
      for (int j = 0; j <= i; j++)
        matrix[pair(i, j)] = i == j ? 1.0 : matrix[pair(i, j)] / (deviation[i] * deviation[j]) * (1.0 - shrunk);
    invert_factor(matrix, n);
    for (int i = 0; i < n; i++)
      for (int j = 0; j <= i; j++)
        whitening[pair(i, j) * self->positions + p] = (float)(matrix[pair(i, j)] / deviation[j]);
  }
}

#define POWER_STEPS 100

/* The largest eigenvalue of a positive matrix, given by its lower triangle: power iteration. */
static double
largest_eigenvalue(const double *a, int n)
{
  g_autofree double *v = g_new(double, n), *product = g_new(double, n);
  double norm = 0.0;
  for (int i = 0; i < n; i++)
    v[i] = 1.0;
  for (int step = 0; step < POWER_STEPS; step++) {
    double squares = 0.0;
    for (int i = 0; i < n; i++) {
      product[i] = 0.0;
      for (int j = 0; j < n; j++)
        product[i] += a[j <= i ? pair(i, j) : pair(j, i)] * v[j];
      squares += product[i] * product[i];
    }
    norm = sqrt(squares);
    for (int i = 0; i < n; i++)
      v[i] = product[i] / (norm + 1e-300);
  }
  return norm;
}

void
cbigan_gaussian_sums_finish_ridge(const CbiganGaussianSums *self, double share, float *mean, float *whitening)
{
  const int n = self->channels;
  g_autofree double *matrix = g_new(double, pair(n, 0));
  for (int i = 0; i < n; i++) {
    mean[i] = (float)(self->sum[i] / self->samples);
    for (int j = 0; j <= i; j++)
      matrix[pair(i, j)] =
          self->products[pair(i, j)] / self->samples - self->sum[i] / self->samples * (self->sum[j] / self->samples);
  }
  const double ridge = share * largest_eigenvalue(matrix, n) + LEAST_VARIANCE;
  for (int i = 0; i < n; i++)
    matrix[pair(i, i)] += ridge;
  invert_factor(matrix, n);
  for (gsize i = 0; i < pair(n, 0); i++)
    whitening[i] = (float)matrix[i];
}

typedef struct {
  const float *features;
  int channels;
  gsize cells;
  const float *mean, *whitening;
  gsize positions;
  float *distance;
} Distances;

/* Distances of n cells from `first` on. step: 1 = each has its own Gaussian, 0 = they share one. */
CBIGAN_WIDE static void
block_distance(const Distances *self, gsize first, gsize n)
{
  const gsize step = self->positions > 1 ? 1 : 0;
  float squares[BLOCK] = { 0 };
  for (int i = 0; i < self->channels; i++) {
    float y[BLOCK] = { 0 };
    for (int j = 0; j <= i; j++) {
      const float *x = self->features + (gsize)j * self->cells + first;
      const float *m = self->mean + (gsize)j * self->positions + first * step;
      const float *w = self->whitening + pair(i, j) * self->positions + first * step;
      if (step)
        for (gsize k = 0; k < n; k++)
          y[k] += w[k] * (x[k] - m[k]);
      else
        for (gsize k = 0; k < n; k++)
          y[k] += w[0] * (x[k] - m[0]);
    }
    for (gsize k = 0; k < n; k++)
      squares[k] += y[k] * y[k];
  }
  for (gsize k = 0; k < n; k++)
    self->distance[first + k] = sqrtf(squares[k] / (float)self->channels);
}

static void
block_distances(gpointer data, int first, int end) /* of blocks */
{
  const Distances *self = data;
  for (int block = first; block < end; block++) {
    const gsize at = (gsize)block * BLOCK;
    block_distance(self, at, MIN(BLOCK, self->cells - at));
  }
}

void
cbigan_gaussian_distance(CbiganBackend *backend, const float *features, int channels, gsize cells, const float *mean,
                         const float *whitening, gsize positions, float *distance)
{
  Distances distances = { features, channels, cells, mean, whitening, positions, distance };
  cbigan_backend_each(backend, (int)((cells + BLOCK - 1) / BLOCK), cells * pair(channels, 0), block_distances,
                      &distances);
}
