/* heatmap.c - anomaly maps as pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The scale is absolute: a map's value v shows as v / (v + threshold), so 0.5 is the threshold on every frame.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "regions.h"
#include "multiversion.h"

/* Colours of a normalized value; between two rows they are mixed. The hues are those of matplotlib's `inferno`, whose
 * lightness rises steadily; it starts where its purple can be told from a dark picture. */
static const struct {
  double value;
  guint8 b, g, r, a;
} colours[] = {
  { 0.00, 109, 28, 101, 0 },  { 0.42, 109, 28, 101, 0 },  { 0.50, 99, 42, 137, 100 },  { 0.58, 84, 55, 188, 150 },
  { 0.68, 45, 91, 229, 180 }, { 0.80, 9, 142, 249, 200 }, { 0.90, 50, 205, 247, 215 }, { 1.00, 164, 255, 252, 230 },
};

#define MOST 1e30f /* larger values show as this one */

static gpointer
make_table(gpointer unused)
{
  static guint8 table[256][4];
  guint row = 0;
  for (int i = 0; i < 256; i++) {
    double value = i / 255.0;
    while (row + 2 < G_N_ELEMENTS(colours) && value > colours[row + 1].value)
      row++;
    double part = (value - colours[row].value) / (colours[row + 1].value - colours[row].value);
    const guint8 *from = &colours[row].b, *to = &colours[row + 1].b;
    for (int k = 0; k < 4; k++)
      table[i][k] = (guint8)(from[k] + part * (to[k] - from[k]) + 0.5);
  }
  return table;
}

double
cbigan_normalize(double value, double threshold)
{
  if (isnan(threshold))
    return NAN;
  return value > 0.0 ? value / (value + threshold) : 0.0;
}

/* normalized * scale, for rounding; without branches, so that loops over it become vectors */
static inline float
level(float value, float threshold, float scale)
{
  float v = value > 0.0f ? value : 0.0f; /* also for NaN */
  v = v < MOST ? v : MOST;
  return v / (v + threshold) * scale + 0.5f;
}

/* For level(): where nothing is over the threshold, one that nothing comes near. */
static float
usable(double threshold)
{
  return threshold >= 0.0 ? MAX((float)threshold, FLT_MIN) : INFINITY;
}

CBIGAN_WIDE static void
gray16(const float *map, gsize n, float threshold, guint16 *gray)
{
#pragma omp simd
  for (gsize i = 0; i < n; i++)
    gray[i] = (guint16)(int)level(map[i], threshold, 65535.0f);
}

/* Rows of the table of colours, n of them. */
CBIGAN_WIDE static void
levels(const float *map, gsize n, float threshold, guint8 *rows)
{
#pragma omp simd
  for (gsize i = 0; i < n; i++)
    rows[i] = (guint8)(int)level(map[i], threshold, 255.0f);
}

void
cbigan_map_to_gray16(const float *map, int width, int height, double threshold, guint16 *gray)
{
  g_return_if_fail(map && gray && width > 0 && height > 0);
  gray16(map, (gsize)width * (gsize)height, usable(threshold), gray);
}

void
cbigan_map_to_bgra(const float *map, int width, int height, double threshold, guint8 *bgra)
{
  static GOnce once = G_ONCE_INIT;
  g_return_if_fail(map && bgra && width > 0 && height > 0);
  const guint8(*table)[4] = g_once(&once, make_table, NULL);
  const float at = usable(threshold);
  guint8 rows[256];
  gsize n = (gsize)width * (gsize)height;
  for (gsize done = 0; done < n; done += sizeof rows) {
    gsize count = MIN(n - done, sizeof rows);
    levels(map + done, count, at, rows);
    for (gsize i = 0; i < count; i++) /* cvLUT takes three times as long for so few */
      memcpy(bgra + 4 * (done + i), table[rows[i]], 4);
  }
}
