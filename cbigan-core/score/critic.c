/* critic.c - how far D's feature map is from good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mahalanobis distance at every position of a grid over each patch, after PaDiM (Defard et al. 2020) but on the
 * model's own critic: |W (f - mean)|, W^T W = inverse covariance of good pictures there.
 *
 * The map is bilinear between the grid's positions, each taken to lie on a pixel (half a pixel from where it is), so
 * that the map's peak is the score. Where patches overlap the larger value counts.
 */
#include <math.h>

#include "score.h"

static double
distance(const float *feature, const float *mean, const float *whitening, int channels, float *difference)
{
  double square = 0.0;
  for (int i = 0; i < channels; i++)
    difference[i] = feature[i] - mean[i];
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

/* Position between the grid's knots of a pixel: knot k lies on pixel (2 k + 1) * side / (2 grid). */
static void
knots(int pixel, int side, int grid, int *before, float *part)
{
  int k = CLAMP((int)((2 * (gint64)pixel * grid / side - 1) / 2), 0, grid - 1);
  while (k + 1 < grid && (2 * k + 3) * side / (2 * grid) <= pixel)
    k++;
  while (k > 0 && (2 * k + 1) * side / (2 * grid) > pixel)
    k--;
  int here = (2 * k + 1) * side / (2 * grid), next = (2 * k + 3) * side / (2 * grid);
  *before = k;
  *part = k + 1 < grid && pixel > here ? (float)(pixel - here) / (float)(next - here) : 0.0f;
}

/* Draws one patch's distances (grid, grid) into the map. */
static void
draw(const float *distances, int grid, int side, CbiganPoint corner, float *map, int stride)
{
  int columns[side];
  float rights[side], line[grid + 1]; /* line: the grid's row between two, its last number twice */
  for (int x = 0; x < side; x++)
    knots(x, side, grid, &columns[x], &rights[x]);
  for (int y = 0; y < side; y++) {
    int row;
    float down;
    knots(y, side, grid, &row, &down);
    const float *above = distances + row * grid, *below = distances + MIN(row + 1, grid - 1) * grid;
    float *out = map + (gsize)(corner.y + y) * stride + corner.x;
    for (int i = 0; i < grid; i++)
      line[i] = above[i] + down * (below[i] - above[i]);
    line[grid] = line[grid - 1];
    for (int x = 0; x < side; x++) {
      const float *at = line + columns[x];
      out[x] = MAX(out[x], at[0] + rights[x] * (at[1] - at[0]));
    }
  }
}

double
cbigan_critic_score(const CbiganStandard *standard, const CbiganMeasurement *m, float *map)
{
  const CbiganCriticStatistics *good = &standard->critic;
  int grid = standard->grid, positions = grid * grid, channels = good->channels;
  gsize step = good->positions > 1 ? 1 : 0;
  float *distances = m->planes, *difference = m->planes + positions; /* a frame has at least 64 x 64 pixels */
  double peak = 0.0;
  if (map)
    for (gsize i = 0; i < (gsize)m->width * m->height; i++)
      map[i] = 0.0f;
  for (guint patch = 0; patch < m->patches->corners->len; patch++) {
    const float *feature = m->features + (gsize)patch * positions * channels;
    for (int i = 0; i < positions; i++) {
      distances[i] = (float)distance(feature + (gsize)i * channels, good->mean + step * i * channels,
                                     good->whitening + step * i * channels * channels, channels, difference);
      peak = MAX(peak, distances[i]);
    }
    if (map)
      draw(distances, grid, standard->patch, g_array_index(m->patches->corners, CbiganPoint, patch), map, m->width);
  }
  return peak;
}
