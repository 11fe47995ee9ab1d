/* critic.c - how far D's feature map is from good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mahalanobis distance at every position of a grid over each patch, after PaDiM (Defard et al. 2020) but on the
 * model's own critic: |W (f - mean)|, W^T W = inverse covariance of good pictures there. A backend may find them.
 *
 * The map is bilinear between the grid's positions, each taken to lie on a pixel (half a pixel from where it is), so
 * that the map's peak is the score. Where patches overlap the larger value counts.
 */
#include <math.h>
#include <string.h>

#include "score.h"

static double
distance(const float *feature, const float *mean, const float *whitening, int channels)
{
  float difference[channels];
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

/* The grid between its knots, for `patch` pixels along an axis. */
typedef struct {
  int side, grid;
  int *before; /* (side) */
  float *part; /* (side) */
} Ruler;

/* Row y of one patch's distances (grid, grid): the larger of it and what is there -> out (side) */
static void
draw_row(const Ruler *ruler, const float *distances, int y, float *out)
{
  int grid = ruler->grid, row = ruler->before[y];
  const float *above = distances + row * grid, *below = distances + MIN(row + 1, grid - 1) * grid;
  float line[grid + 1]; /* the grid's row between two, its last number twice */
  for (int i = 0; i < grid; i++)
    line[i] = above[i] + ruler->part[y] * (below[i] - above[i]);
  line[grid] = line[grid - 1];
  for (int x = 0; x < ruler->side; x++) {
    const float *at = line + ruler->before[x];
    out[x] = MAX(out[x], at[0] + ruler->part[x] * (at[1] - at[0]));
  }
}

typedef struct {
  const CbiganMeasurement *m;
  Ruler ruler;
  float *map;
} Drawing;

static void
draw_rows(gpointer data, int first, int end)
{
  const Drawing *d = data;
  const CbiganMeasurement *m = d->m;
  int side = d->ruler.side, grid = d->ruler.grid;
  const CbiganPoint *corners = &g_array_index(m->patches->corners, CbiganPoint, 0);
  for (int y = first; y < end; y++) {
    float *row = d->map + (gsize)y * m->width;
    memset(row, 0, sizeof *row * (gsize)m->width);
    for (guint i = 0; i < m->patches->corners->len; i++)
      if (y >= corners[i].y && y < corners[i].y + side)
        draw_row(&d->ruler, m->distances + (gsize)i * grid * grid, y - corners[i].y, row + corners[i].x);
  }
}

void
cbigan_critic_map(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map)
{
  const int side = standard->patch, grid = standard->grid;
  int before[side];
  float part[side];
  Drawing drawing = { m, { side, grid, before, part }, map };
  if (m->kept.distances)
    cbigan_backend_download(m->backend, (CbiganShape){ 1, grid, grid }, (int)m->patches->corners->len,
                            m->kept.distances, m->distances);
  for (int i = 0; i < side; i++)
    knots(i, side, grid, &before[i], &part[i]);
  cbigan_backend_each(m->backend, m->height, (gsize)m->width * (gsize)m->height, draw_rows, &drawing);
}

typedef struct {
  const CbiganMeasurement *m;
  const CbiganCriticStatistics *good;
  int positions; /* of a patch */
} Distances;

static void
find_distances(gpointer data, int first, int end)
{
  const Distances *d = data;
  int channels = d->good->channels;
  gsize step = d->good->positions > 1 ? 1 : 0;
  for (int i = first; i < end; i++) {
    gsize at = step * (gsize)(i % d->positions);
    d->m->distances[i] = (float)distance(d->m->features + (gsize)i * channels, d->good->mean + at * channels,
                                         d->good->whitening + at * channels * channels, channels);
  }
}

double
cbigan_critic_score(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map)
{
  int positions = standard->grid * standard->grid, n = (int)m->patches->corners->len * positions;
  gsize products = (gsize)(standard->critic.channels * standard->critic.channels);
  Distances distances = { m, &standard->critic, positions };
  float peak = m->kept.distances ? m->kept.distances_peak : 0.0f;
  if (!m->kept.distances)
    cbigan_backend_each(m->backend, n, (gsize)n * products, find_distances, &distances);
  for (int i = 0; !m->kept.distances && i < n; i++)
    peak = MAX(peak, m->distances[i]);
  if (map)
    cbigan_critic_map(standard, m, map);
  return peak;
}
