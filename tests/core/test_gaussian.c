/* test_gaussian.c - Gaussians of features, against sums written out
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score/inspector/gaussian.h"

#include <math.h>

enum { CHANNELS = 5, CELLS = 300, PICTURES = 40 };

/* Features of so many pictures (PICTURES, CHANNELS, CELLS): correlated, with a mean and a scale of their own. */
static float *
make_features(void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(5);
  float *x = g_new(float, PICTURES *CHANNELS *CELLS);
  for (int p = 0; p < PICTURES; p++)
    for (int k = 0; k < CELLS; k++) {
      double shared = g_rand_double_range(random, -1, 1);
      for (int c = 0; c < CHANNELS; c++)
        x[(p * CHANNELS + c) * CELLS + k] =
            (float)(c + 0.01 * k + (1 + c) * (shared + g_rand_double_range(random, -0.7, 0.7)));
    }
  return x;
}

/* a (n, n) x = b by elimination; a and b are overwritten, b becomes x. */
static void
solve(double *a, double *b, int n)
{
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++) {
      double factor = a[j * n + i] / a[i * n + i];
      for (int k = i; k < n; k++)
        a[j * n + k] -= factor * a[i * n + k];
      b[j] -= factor * b[i];
    }
  for (int i = n - 1; i >= 0; i--) {
    for (int k = i + 1; k < n; k++)
      b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
}

/* Mean over the samples of a position: of channel i, or of the product of channels i and j (i < 0: 1). */
static double
moment(const float *x, gboolean shared, int cell, int i, int j)
{
  double sum = 0.0;
  int n = 0;
  for (int p = 0; p < PICTURES; p++)
    for (int k = shared ? 0 : cell; k < (shared ? CELLS : cell + 1); k++, n++)
      sum += (i < 0 ? 1.0 : x[(p * CHANNELS + i) * CELLS + k]) * x[(p * CHANNELS + j) * CELLS + k];
  return sum / n;
}

static double
covariance(const float *x, gboolean shared, int cell, int i, int j)
{
  return moment(x, shared, cell, i, j) - moment(x, shared, cell, -1, i) * moment(x, shared, cell, -1, j);
}

/* The distance of a cell of the first picture, from the definition in gaussian.h. mean_variance: of each channel */
static double
expected_distance(const float *x, gboolean shared, int cell, const double *mean_variance)
{
  const double samples = shared ? PICTURES * CELLS : PICTURES, kept = 1.0 - CLAMP(0.1 * CHANNELS / samples, 0.02, 0.5);
  double a[CHANNELS * CHANNELS], difference[CHANNELS], solved[CHANNELS], sum = 0.0;
  for (int i = 0; i < CHANNELS; i++) {
    solved[i] = difference[i] = x[i * CELLS + cell] - moment(x, shared, cell, -1, i);
    for (int j = 0; j < CHANNELS; j++)
      a[i * CHANNELS + j] = covariance(x, shared, cell, i, j);
  }
  double added[CHANNELS];
  for (int i = 0; i < CHANNELS; i++)
    added[i] = sqrt(a[i * CHANNELS + i] + 0.05 * mean_variance[i]) / sqrt(a[i * CHANNELS + i]);
  for (int i = 0; i < CHANNELS; i++)
    for (int j = 0; j < CHANNELS; j++)
      a[i * CHANNELS + j] *= i == j ? added[i] * added[j] : kept;
  solve(a, solved, CHANNELS);
  for (int i = 0; i < CHANNELS; i++)
    sum += difference[i] * solved[i];
  return sqrt(sum / CHANNELS);
}

static void
test_distance(gconstpointer data)
{
  const gboolean shared = GPOINTER_TO_INT(data);
  const gsize positions = shared ? 1 : CELLS;
  g_autofree float *x = make_features(), *mean = g_new(float, CHANNELS *positions);
  g_autofree float *whitening = g_new(float, CHANNELS *(CHANNELS + 1) / 2 * positions);
  g_autofree float *distance = g_new(float, CELLS);
  g_autoptr(CbiganGaussianSums) sums = cbigan_gaussian_sums_new(CHANNELS, positions);
  double variance[CHANNELS] = { 0 };
  for (int p = 0; p < PICTURES; p++)
    cbigan_gaussian_sums_add(sums, x + (gsize)p * CHANNELS * CELLS, CELLS);
  cbigan_gaussian_sums_finish(sums, mean, whitening);
  cbigan_gaussian_distance(NULL, x, CHANNELS, CELLS, mean, whitening, positions, distance);
  for (int i = 0; i < CHANNELS; i++)
    for (gsize k = 0; k < positions; k++)
      variance[i] += covariance(x, shared, (int)k, i, i) / (double)positions;
  for (int k = 0; k < CELLS; k += 7)
    g_assert_cmpfloat_with_epsilon(distance[k], expected_distance(x, shared, k, variance), 1e-3);
}

/* W (covariance + ridge) W^T = 1, with the ridge a share of the largest length of covariance v, |v| = 1. */
static void
test_ridge(void)
{
  const double share = 0.03;
  g_autofree float *x = make_features();
  float mean[CHANNELS], whitening[CHANNELS * (CHANNELS + 1) / 2];
  g_autoptr(CbiganGaussianSums) sums = cbigan_gaussian_sums_new(CHANNELS, 1);
  double a[CHANNELS][CHANNELS], v[CHANNELS] = { 3, 1, -1, 2, 5 }, length = 0.0;
  for (int p = 0; p < PICTURES; p++)
    cbigan_gaussian_sums_add(sums, x + (gsize)p * CHANNELS * CELLS, CELLS);
  cbigan_gaussian_sums_finish_ridge(sums, share, mean, whitening);
  for (int i = 0; i < CHANNELS; i++)
    for (int j = 0; j < CHANNELS; j++)
      a[i][j] = covariance(x, TRUE, 0, i, j);
  for (int step = 0; step < 500; step++) {
    double next[CHANNELS] = { 0 };
    length = 0.0;
    for (int i = 0; i < CHANNELS; i++) {
      for (int j = 0; j < CHANNELS; j++)
        next[i] += a[i][j] * v[j];
      length += next[i] * next[i];
    }
    length = sqrt(length);
    for (int i = 0; i < CHANNELS; i++)
      v[i] = next[i] / length;
  }
  for (int i = 0; i < CHANNELS; i++)
    a[i][i] += share * length;
  for (int i = 0; i < CHANNELS; i++)
    for (int j = 0; j < CHANNELS; j++) {
      double sum = 0.0;
      for (int k = 0; k <= i; k++)
        for (int l = 0; l <= j; l++)
          sum += (double)whitening[i * (i + 1) / 2 + k] * a[k][l] * whitening[j * (j + 1) / 2 + l];
      g_assert_cmpfloat_with_epsilon(sum, i == j ? 1.0 : 0.0, 1e-4);
    }
}

/* Good pictures that do not differ: distances stay finite, and a cell that differs is far away. */
static void
test_same(void)
{
  float x[CHANNELS * CELLS], mean[CHANNELS * CELLS], whitening[CHANNELS * (CHANNELS + 1) / 2 * CELLS], distance[CELLS];
  g_autoptr(CbiganGaussianSums) sums = cbigan_gaussian_sums_new(CHANNELS, CELLS);
  for (int i = 0; i < CHANNELS * CELLS; i++)
    x[i] = 0.3f;
  for (int p = 0; p < PICTURES; p++)
    cbigan_gaussian_sums_add(sums, x, CELLS);
  cbigan_gaussian_sums_finish(sums, mean, whitening);
  x[3] += 0.1f;
  cbigan_gaussian_distance(NULL, x, CHANNELS, CELLS, mean, whitening, CELLS, distance);
  for (int k = 0; k < CELLS; k++)
    g_assert_true(isfinite(distance[k]));
  g_assert_cmpfloat(distance[3], >, 100 * distance[2]);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/gaussian/each-position", GINT_TO_POINTER(FALSE), test_distance);
  g_test_add_data_func("/gaussian/one-for-all", GINT_TO_POINTER(TRUE), test_distance);
  g_test_add_func("/gaussian/ridge", test_ridge);
  g_test_add_func("/gaussian/same", test_same);
  return g_test_run();
}
