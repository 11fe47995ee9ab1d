/* light_weights.c - how the light of a surface is told from its quartiles
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A picture with quartiles q seems to have g q + b in another light. With A = (mean of q, 1) that is nearly
 * q + A (g - 1, b). Good pictures' q have a covariance C, and (g - 1, b) has the variances of gains within 10 % and of
 * offsets within 10. The likeliest is then (A' inv(C) A + inv(variances))^-1 A' inv(C) (found - mean of q).
 */
#include "light_weights.h"

#include <string.h>

#include "score/inspector/exposure.h"
#include "score/inspector/gaussian.h"

#define N CBIGAN_LIGHT_QUARTILES
#define GAIN 0.058   /* standard deviation of numbers within 0.1 */
#define OFFSET 5.8   /* and within 10, of grey levels */
#define UNIT 0.0003f /* of quartiles: a variance of about 0.1 grey levels is the least, see gaussian.c */
#define RIDGE 0.01
#define RIDGE_OF_ONE 0.3 /* divided by the number of pictures: few ones know less of their covariance */

/* W (N, N), lower triangle row by row, times x */
static void
multiply(const float *whitening, const double x[N], double y[N])
{
  for (int i = 0; i < N; i++) {
    y[i] = 0.0;
    for (int j = 0; j <= i; j++)
      y[i] += (double)*whitening++ * x[j];
  }
}

/* The transposed of W times x */
static void
multiply_transposed(const float *whitening, const double x[N], double y[N])
{
  memset(y, 0, N * sizeof *y);
  for (int i = 0; i < N; i++)
    for (int j = 0; j <= i; j++)
      y[j] += (double)*whitening++ * x[i];
}

static double
dot(const double x[N], const double y[N])
{
  double sum = 0.0;
  for (int i = 0; i < N; i++)
    sum += x[i] * y[i];
  return sum;
}

/* Weights of 24 (g - 1) - b */
static void
find_weights(const float mean[N], const float *whitening, float *weights)
{
  double gain[N], offset[N], directions[2][N], both[N], back[N];
  for (int i = 0; i < N; i++) {
    gain[i] = mean[i];
    offset[i] = UNIT;
  }
  multiply(whitening, gain, directions[0]);
  multiply(whitening, offset, directions[1]);
  const double gg = dot(directions[0], directions[0]) + 1.0 / (GAIN * GAIN);
  const double oo = dot(directions[1], directions[1]) + 1.0 / (OFFSET * OFFSET);
  const double go = dot(directions[0], directions[1]), determinant = gg * oo - go * go;
  const double of_gain = (CBIGAN_EXPOSURE_DARK * oo + go) / determinant;
  const double of_offset = -(CBIGAN_EXPOSURE_DARK * go + gg) / determinant;
  for (int i = 0; i < N; i++)
    both[i] = of_gain * directions[0][i] + of_offset * directions[1][i];
  multiply_transposed(whitening, both, back);
  for (int i = 0; i < N; i++)
    weights[i] = (float)(UNIT * back[i]);
}

void
cbigan_light_weights_find(const float *quartiles, guint n, CbiganSurfaceLight *light)
{
  g_autoptr(CbiganGaussianSums) sums = cbigan_gaussian_sums_new(N, 1);
  float x[N], mean[N], whitening[N * (N + 1) / 2];
  for (guint p = 0; p < n; p++) {
    for (int i = 0; i < N; i++)
      x[i] = UNIT * quartiles[N * p + (guint)i];
    cbigan_gaussian_sums_add(sums, x, 1);
  }
  cbigan_gaussian_sums_finish_ridge(sums, RIDGE + RIDGE_OF_ONE / n, mean, whitening);
  *light = (CbiganSurfaceLight){ .known = TRUE, .quartiles = g_new(float, N), .weights = g_new(float, N) };
  for (int i = 0; i < N; i++)
    light->quartiles[i] = mean[i] / UNIT;
  find_weights(mean, whitening, light->weights);
}
