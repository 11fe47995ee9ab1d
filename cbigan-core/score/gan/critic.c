/* critic.c - distance of D's feature map from good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mahalanobis distance at every position of a grid over each patch, after PaDiM (Defard et al. 2020) but on the
 * model's own critic: |W (f - mean)|, W^T W = inverse covariance of good pictures. The score is the largest distance.
 *
 * The map is bilinear between the grid's positions. Each position is moved by half a pixel onto a pixel, so that the
 * map's peak is the score. Where patches overlap the larger value counts.
 */
#include <string.h>

#include "score.h"
#include "tiling.h"

void
cbigan_critic_knots(int pixel, int side, int grid, int *before, float *part)
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

/* Row y of one patch's distances (grid, grid) -> out (side), where it is larger than what `out` holds. */
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
  const CbiganFrameTiling *tiling;
  const float *distances; /* (patches, grid * grid) */
  const float *corners;   /* (columns + rows) */
  Ruler ruler;
  float *map;
} Drawing;

static void
draw_rows(gpointer data, int first, int end)
{
  const Drawing *d = data;
  const CbiganFrameTiling *t = d->tiling;
  const int side = d->ruler.side, positions = d->ruler.grid * d->ruler.grid;
  for (int y = first; y < end; y++) {
    float *row = d->map + (gsize)y * t->width;
    memset(row, 0, sizeof *row * (gsize)t->width);
    for (int i = 0; i < t->rows; i++) {
      const int within = y - (int)d->corners[t->columns + i];
      for (int k = 0; within >= 0 && within < side && k < t->columns; k++)
        draw_row(&d->ruler, d->distances + (gsize)(i * t->columns + k) * positions, within, row + (int)d->corners[k]);
    }
  }
}

double
cbigan_critic_score(const CbiganBaseline *baseline, const CbiganMeasurement *m)
{
  return m->distances_peak;
}

void
cbigan_critic_map(const CbiganBaseline *baseline, const CbiganMeasurement *m, float *map)
{
  const int side = baseline->patch, grid = baseline->grid;
  const CbiganFrameTiling *t = m->tiling;
  int before[side];
  float part[side];
  g_autofree float *corners = g_new(float, t->columns + t->rows);
  const float *distances = cbigan_inference_distances(m);
  Drawing drawing = { t, distances, corners, { side, grid, before, part }, map };
  cbigan_tiling_corners(t, corners);
  for (int i = 0; i < side; i++)
    cbigan_critic_knots(i, side, grid, &before[i], &part[i]);
  cbigan_inference_each(m, t->height, (gsize)t->width * (gsize)t->height, draw_rows, &drawing);
}
