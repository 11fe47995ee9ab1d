/* test_heatmap.c - maps as pictures and as regions; the filters against their definitions
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "backend/reference/filter.h"
#include "score/inspector/cells.h"
#include "score/regions.h"
#include "score/gan/weights.h"

static void
test_gray16(void)
{
  const float map[] = { 0, 1, 2, 4, 12, INFINITY, -3, NAN };
  const guint16 expected[] = { 0, 13107, 21845, 32768, 49151, 65535, 0, 0 }; /* 65535 v / (v + 4), rounded */
  guint16 gray[8];
  cbigan_map_to_gray16(map, 4, 2, 4.0, gray);
  for (guint i = 0; i < 8; i++)
    if (abs(gray[i] - expected[i]) > (i == 3 ? 0 : 1))
      g_error("gray[%u] of %g is %u, expected %u", i, map[i], gray[i], expected[i]);
  cbigan_map_to_gray16(map, 4, 2, 0.0, gray); /* over it or not */
  for (guint i = 0; i < 8; i++)
    g_assert_cmpuint(gray[i], ==, map[i] > 0 ? 65535 : 0);
  cbigan_map_to_gray16(map, 4, 2, NAN, gray);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpuint(gray[i], ==, 0);
}

static void
test_bgra(void)
{
  enum { W = 97, H = 61 }; /* more pixels than one stretch of the look-up */
  g_autofree float *map = g_new(float, W *H);
  g_autofree guint8 *bgra = g_malloc(4 * W * H + 4);
  for (int i = 0; i < W * H; i++)
    map[i] = 3.0f * (float)i / (W * H); /* 0 .. 3, threshold 1 */
  memset(bgra + 4 * W * H, 0xa5, 4);
  cbigan_map_to_bgra(map, W, H, 1.0, bgra);
  int last = 0;
  double light = 0.0;
  for (int i = 0; i < W * H; i++) {
    const guint8 *p = bgra + 4 * i;
    double normalized = cbigan_normalize(map[i], 1.0), now = 0.11 * p[0] + 0.59 * p[1] + 0.3 * p[2];
    if (normalized < 0.41 && p[3] != 0)
      g_error("pixel %d, %g: alpha is %d, expected 0", i, normalized, p[3]);
    if (normalized > 0.5 && p[3] < 90)
      g_error("pixel %d, %g: alpha is %d, expected at least 90", i, normalized, p[3]);
    if (p[3] < last || now < light - 1.0)
      g_error("pixel %d, %g: alpha %d after %d, lightness %g after %g; expected no less", i, normalized, p[3], last,
              now, light);
    last = p[3];
    light = MAX(light, now);
  }
  g_assert_cmpint(bgra[4 * W * H], ==, 0xa5);
  g_autofree guint8 *spotted = g_malloc(4 * W * H);
  float *spot = g_newa(float, W *H); /* what is mostly normal has the same colours */
  for (int i = 0; i < W * H; i++)
    spot[i] = i % 1500 < 3 ? map[i] : 0.5f * map[i] / 3.0f;
  cbigan_map_to_bgra(spot, W, H, 1.0, spotted);
  for (int i = 0; i < W * H; i++)
    if (memcmp(spotted + 4 * i, i % 1500 < 3 ? bgra + 4 * i : bgra, 4))
      g_error("pixel %d, %g: B is %d, alpha %d; expected %d, %d", i, spot[i], spotted[4 * i], spotted[4 * i + 3],
              bgra[i % 1500 < 3 ? 4 * i : 0], bgra[i % 1500 < 3 ? 4 * i + 3 : 3]);
  cbigan_map_to_bgra(map, W, H, NAN, bgra);
  for (int i = 0; i < W * H; i++)
    g_assert_cmpint(bgra[4 * i + 3], ==, 0);
}

static void
paint(float *map, int w, int x, int y, int width, int height, float value)
{
  for (int j = y; j < y + height; j++)
    for (int i = x; i < x + width; i++)
      map[j * w + i] = value;
}

/* Each pixel over the threshold has the number of a pixel of its part: the least one, spread until nothing changes. */
static void
label_parts(const float *map, int w, int h, int *labels)
{
  for (int i = 0; i < w * h; i++)
    labels[i] = map[i] > 1.0f ? i : w * h;
  for (gboolean changed = TRUE; changed;) {
    changed = FALSE;
    for (int i = 0; i < w * h; i++) {
      const int near[4] = { i % w ? i - 1 : i, i % w < w - 1 ? i + 1 : i, i >= w ? i - w : i,
                            i + w < w * h ? i + w : i };
      for (int k = 0; labels[i] < w * h && k < 4; k++)
        if (labels[near[k]] < labels[i]) {
          labels[i] = labels[near[k]];
          changed = TRUE;
        }
    }
  }
}

/* The part that a region's peak belongs to has the region's sides and area, and no higher part was left out. */
static void
test_random_regions(void)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 40 }, { 40, 1 }, { 23, 17 }, { 64, 32 } };
  guint32 state = 3;
  for (int round = 0; round < 50; round++) {
    const int w = sizes[round % 5][0], h = sizes[round % 5][1], n = w * h;
    g_autofree float *map = g_new(float, n), *peaks = g_new0(float, n + 1);
    g_autofree int *labels = g_new(int, n);
    CbiganRegionSearch search = { 0 };
    CbiganRegion r[CBIGAN_MAX_REGIONS];
    for (int i = 0; i < n; i++) {
      state = state * 1664525u + 1013904223u;
      map[i] = 0.3f + 0.03f * (float)(round / 5) + (float)(state >> 8) / 16777216.0f;
    }
    label_parts(map, w, h, labels);
    for (int i = 0; i < n; i++)
      peaks[labels[i]] = MAX(peaks[labels[i]], map[i]);
    peaks[n] = 0.0f; /* of what is not over the threshold */
    g_assert_true(cbigan_region_search_room(&search, (gsize)n, NULL));
    const guint found = cbigan_region_search_run(&search, map, w, h, 1.0, 0.0, r);
    for (guint k = 0; k < found; k++) {
      int part = 0, left = w, top = h, right = 0, bottom = 0, pixels = 0;
      for (int i = 0; i < n; i++)
        part = peaks[i] > peaks[part] ? i : part;
      g_assert_cmpfloat(r[k].peak, ==, cbigan_normalize((double)peaks[part], 1.0));
      peaks[part] = 0.0f;
      for (int i = 0; i < n; i++)
        if (labels[i] == part) {
          left = MIN(left, i % w);
          right = MAX(right, i % w);
          top = MIN(top, i / w);
          bottom = MAX(bottom, i / w);
          pixels++;
          g_assert_cmpint(search.seen[i], ==, CBIGAN_SEEN_COUNTS);
        }
      g_assert_cmpfloat(r[k].x, ==, (double)left / w);
      g_assert_cmpfloat(r[k].y, ==, (double)top / h);
      g_assert_cmpfloat(r[k].w, ==, (double)(right - left + 1) / w);
      g_assert_cmpfloat(r[k].h, ==, (double)(bottom - top + 1) / h);
      g_assert_cmpfloat(r[k].area, ==, pixels / (double)n);
    }
    for (int i = 0; i < n && found < CBIGAN_MAX_REGIONS; i++)
      g_assert_cmpfloat(peaks[i], ==, 0.0f);
    cbigan_region_search_clear(&search);
  }
}

static void
test_regions(void)
{
  enum { W = 80, H = 50 };
  CbiganRegionSearch search = { 0 };
  CbiganRegion r[CBIGAN_MAX_REGIONS];
  g_autofree float *map = g_new0(float, W *H);
  g_assert_true(cbigan_region_search_room(&search, W * H, NULL));
  g_assert_cmpuint(cbigan_region_search_run(&search, map, W, H, 1.0, 0.0, r), ==, 0);
  paint(map, W, 0, 0, 8, 5, 2.0f);
  paint(map, W, 7, 4, 3, 11, 3.0f); /* hangs on the first: an L */
  paint(map, W, 40, 20, 20, 10, 9.0f);
  map[49 * W + 79] = 1.0f;           /* at the threshold, not over it */
  paint(map, W, 10, 15, 2, 2, 1.5f); /* touches the L by a corner only: its own region */
  g_assert_cmpuint(cbigan_region_search_run(&search, map, W, H, 1.0, 0.0, r), ==, 3);
  g_assert_cmpfloat_with_epsilon(r[0].peak, 0.9, 1e-9);
  g_assert_cmpfloat_with_epsilon(r[0].x, 0.5, 1e-9);
  g_assert_cmpfloat_with_epsilon(r[0].y, 0.4, 1e-9);
  g_assert_cmpfloat_with_epsilon(r[0].w, 0.25, 1e-9);
  g_assert_cmpfloat_with_epsilon(r[0].h, 0.2, 1e-9);
  g_assert_cmpfloat_with_epsilon(r[1].peak, 0.75, 1e-9);
  g_assert_cmpfloat_with_epsilon(r[1].x, 0.0, 1e-9);
  g_assert_cmpfloat_with_epsilon(r[1].w, 10.0 / W, 1e-9);
  g_assert_cmpfloat_with_epsilon(r[1].h, 15.0 / H, 1e-9);
  g_assert_cmpfloat_with_epsilon(r[2].peak, 0.6, 1e-9);

  const double thirds = 51.0 / (W * H) + 1e-9; /* the L has 5 * 8 + 3 * 11 - 1 pixels, the last one 4 */
  g_assert_cmpfloat_with_epsilon(r[0].area, 200.0 / (W * H), 1e-9);
  g_assert_cmpuint(cbigan_region_search_run(&search, map, W, H, 1.0, thirds, r), ==, 2);
  g_assert_cmpuint(cbigan_region_search_run(&search, map, W, H, 1.0, 200.0 / (W * H), r), ==, 1);
  g_assert_cmpuint(cbigan_region_search_run(&search, map, W, H, 1.0, 1.0, r), ==, 0);

  /* more than fit: the highest stay, highest first; the whole frame: one */
  memset(map, 0, sizeof *map * W * H);
  for (int i = 0; i < 30; i++)
    map[(2 * (i / 10)) * W + 2 * (i % 10)] = (float)(2 + (i * 7) % 30);
  g_assert_cmpuint(cbigan_region_search_run(&search, map, W, H, 1.0, 0.0, r), ==, CBIGAN_MAX_REGIONS);
  for (int i = 0; i < CBIGAN_MAX_REGIONS; i++)
    g_assert_cmpfloat_with_epsilon(r[i].peak, cbigan_normalize(31 - i, 1.0), 1e-9);
  paint(map, W, 0, 0, W, H, 5.0f);
  g_assert_cmpuint(cbigan_region_search_run(&search, map, W, H, 1.0, 0.0, r), ==, 1);
  g_assert_cmpfloat(r[0].w, ==, 1.0);
  g_assert_cmpfloat(r[0].h, ==, 1.0);
  cbigan_region_search_clear(&search);
}

static void
check_high_pass(int w, int h, int radius)
{
  g_autofree float *x = g_new(float, w *h), *out = g_new0(float, w *h);
  g_autofree double *columns = g_new(double, w);
  for (int i = 0; i < w * h; i++)
    x[i] = (float)g_test_rand_double_range(-2, 2);
  cbigan_filter_high_pass(x, w, h, radius, FALSE, columns, out);
  cbigan_filter_high_pass(x, w, h, radius, TRUE, columns, out);
  for (int i = 0; i < w * h; i++) {
    double sum = 0, n = 0;
    for (int v = MAX(i / w - radius, 0); v <= MIN(i / w + radius, h - 1); v++)
      for (int u = MAX(i % w - radius, 0); u <= MIN(i % w + radius, w - 1); u++, n++)
        sum += x[v * w + u];
    double expected = 2 * fabs(x[i] - sum / n);
    if (fabs(out[i] - expected) > 1e-5)
      g_error("%d x %d, radius %d, pixel %d: %g, expected %g (tolerance 1e-5)", w, h, radius, i, out[i], expected);
  }
}

static void
test_high_pass(void)
{
  check_high_pass(40, 30, 4);
  check_high_pass(5, 3, 4);
  check_high_pass(1, 9, 2);
  check_high_pass(64, 64, 16);
}

/* x (8, 8), resampled along both axes, at row i, column j */
static double
resampled(const CbiganResampler *r, const float *x, int i, int j)
{
  double sum = 0;
  for (int k = 0; k < r->taps; k++)
    for (int l = 0; l < r->taps; l++)
      sum +=
          (double)r->weight[i * r->taps + k] * r->weight[j * r->taps + l] * x[(r->first[i] + k) * 8 + r->first[j] + l];
  return sum;
}

static void
test_resampler(void)
{
  float x[8 * 8];
  for (int i = 0; i < 64; i++)
    x[i] = (float)(i % 8) + 10.0f * (float)(i / 8);
  static const int sizes[] = { 1, 2, 4, 8, 12, 16, 32 };
  for (guint k = 0; k < G_N_ELEMENTS(sizes); k++) {
    CbiganResampler r;
    int to = sizes[k];
    cbigan_resampler_init(&r, 8, to);
    for (int i = 0; i < to * to; i++) {
      /* a ramp stays a ramp: where the output lies in the input, held at the ends when it grows */
      double u = (i % to + 0.5) * 8 / to - 0.5, v = (i / to + 0.5) * 8 / to - 0.5;
      double expected = CLAMP(u, 0, 7) + 10 * CLAMP(v, 0, 7);
      double found = resampled(&r, x, i / to, i % to);
      if (fabs(found - expected) > 1e-4)
        g_error("8 -> %d, element %d: %g, expected %g (tolerance 1e-4)", to, i, found, expected);
    }
    cbigan_resampler_clear(&r);
  }
  CbiganResampler thirds; /* 8 / 3: samples count by the part that lies in the area */
  cbigan_resampler_init(&thirds, 8, 3);
  static const double expected[] = { (0 + 1 + 2 * 2 / 3.0) * 3 / 8, 3.5, 7 - (0 + 1 + 2 * 2 / 3.0) * 3 / 8 };
  for (int i = 0; i < 9; i++)
    g_assert_cmpfloat_with_epsilon(resampled(&thirds, x, i / 3, i % 3), expected[i % 3] + 10 * expected[i / 3], 1e-4);
  cbigan_resampler_clear(&thirds);
}

/* Cells that are all alike are drawn as their softplus, but for the blur's rounding; it is exactly 0 where nothing
 * counts. */
static void
test_cells(void)
{
  enum { CELLS = 19, SIDE = CELLS * 4 };
  g_autofree float *map = g_new(float, SIDE *SIDE);
  float values[CELLS * CELLS];
  for (double value = -105.0; value < 105.0; value += 0.0371) {
    const CbiganCells cells = { CELLS, CELLS, values, NULL, NULL };
    const double expected = cbigan_softplus((double)(float)value);
    for (int i = 0; i < CELLS * CELLS; i++)
      values[i] = (float)value;
    const float most = cbigan_cells_draw(&cells, SIDE, SIDE, map);
    for (int i = 0; i < SIDE * SIDE; i++)
      if (!(fabs(map[i] - expected) <= (4e-7 + 6e-7 * fabs(value)) * expected + 1e-37) || map[i] > most)
        g_error("%g is drawn as %.9g, expected %.9g and at most %.9g", value, map[i], expected, most);
  }
  values[0] = -G_MAXFLOAT;
  const CbiganCells one = { 1, 1, values, NULL, NULL };
  cbigan_cells_draw(&one, 4, 4, map);
  g_assert_cmpfloat(map[0], ==, 0.0f);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/heatmap/gray16", test_gray16);
  g_test_add_func("/heatmap/cells", test_cells);
  g_test_add_func("/heatmap/bgra", test_bgra);
  g_test_add_func("/heatmap/regions", test_regions);
  g_test_add_func("/heatmap/regions/random", test_random_regions);
  g_test_add_func("/heatmap/high-pass", test_high_pass);
  g_test_add_func("/heatmap/resampler", test_resampler);
  return g_test_run();
}
