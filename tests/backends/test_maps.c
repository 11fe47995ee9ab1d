/* test_maps.c - a frame's map of every backend against its definition
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "harness.h"
#include "score/gan/tiling.h"
#include "score/gan/weights.h"

#define FLOOR 0.25f

/* A frame's differences (patches, 3, side, side) and statistics on the host */
typedef struct {
  CbiganFrameTiling tiling;
  float *corners; /* (columns + rows) */
  float *differences, *mean, *deviation;
} Frame;

static Frame
frame_new(int w, int h, int side)
{
  Frame f = { 0 };
  g_assert_true(cbigan_tiling_init(&f.tiling, w, h, side, NULL));
  f.corners = g_new(float, f.tiling.columns + f.tiling.rows);
  cbigan_tiling_corners(&f.tiling, f.corners);
  f.differences = data_new(DATA_RANDOM, (gsize)(cbigan_tiling_patches(&f.tiling) * 3 * side * side), 9);
  f.mean = data_new(DATA_RANDOM, (gsize)(w * h), 2);
  f.deviation = data_new(DATA_RANDOM, (gsize)(w * h), 3);
  for (int i = 0; i < w * h; i++)
    f.deviation[i] = fabsf(f.deviation[i]);
  return f;
}

static void
frame_clear(Frame *f)
{
  g_free(f->corners);
  g_free(f->differences);
  g_free(f->mean);
  g_free(f->deviation);
}

/* x (n numbers, `step` apart) -> the sum of kernel[k] * x over [i - radius, i + radius]; kernel NULL: of ones, numbers
 * outside left out, else the border is repeated */
static void
filter_line(const double *x, int n, int step, int radius, const float *kernel, double *out)
{
  for (int i = 0; i < n; i++) {
    double sum = 0.0;
    for (int k = -radius; k <= radius; k++)
      if (kernel || (i + k >= 0 && i + k < n))
        sum += (kernel ? (double)kernel[k + radius] : 1.0) * x[CLAMP(i + k, 0, n - 1) * step];
    out[i * step] = sum;
  }
}

static void
filter_plane(const double *x, int w, int h, int radius, const float *kernel, double *scratch, double *out)
{
  for (int i = 0; i < w; i++)
    filter_line(x + i, h, w, radius, kernel, scratch + i);
  for (int y = 0; y < h; y++)
    filter_line(scratch + y * w, w, 1, radius, kernel, out + y * w);
}

/* From its definition, in double: the mean of the patches at each pixel of a channel */
static void
make_channel(const Frame *f, int channel, double *x)
{
  const CbiganFrameTiling *t = &f->tiling;
  const int w = t->width, side = t->side;
  g_autofree int *counts = g_new0(int, w * t->height);
  memset(x, 0, sizeof *x * (gsize)(w * t->height));
  for (int patch = 0; patch < cbigan_tiling_patches(t); patch++)
    for (int i = 0; i < side * side; i++) {
      const int left = (int)f->corners[patch % t->columns], top = (int)f->corners[t->columns + patch / t->columns];
      const int at = (top + i / side) * w + left + i % side;
      x[at] += f->differences[(patch * 3 + channel) * side * side + i];
      counts[at]++;
    }
  for (int i = 0; i < w * t->height; i++)
    x[i] /= counts[i];
}

static void
make_map(const Frame *f, const CbiganMapFilter *filter, double *map)
{
  const int w = f->tiling.width, h = f->tiling.height, n = w * h;
  g_autofree double *x = g_new(double, n), *sums = g_new(double, n), *counts = g_new(double, n);
  g_autofree double *scratch = g_new(double, n), *sharp = g_new0(double, n);
  for (int i = 0; i < n; i++)
    x[i] = 1.0;
  filter_plane(x, w, h, filter->high_pass, NULL, scratch, counts);
  for (int channel = 0; channel < 3; channel++) {
    make_channel(f, channel, x);
    filter_plane(x, w, h, filter->high_pass, NULL, scratch, sums);
    for (int i = 0; i < n; i++)
      sharp[i] += fabs(x[i] - (filter->high_pass ? sums[i] / counts[i] : 0.0));
  }
  filter_plane(sharp, w, h, filter->blur, filter->kernel, scratch, map);
}

typedef enum { NOT_COMPARED, ONE_FOR_ALL, ALIGNED, N_COMPARISONS } Comparison;

/* (transfer full) (h, w) of that backend, and its peak */
static float *
run(const Frame *f, CbiganBackend *backend, const CbiganMapFilter *filter, Comparison comparison, float *peak)
{
  const CbiganFrameTiling *t = &f->tiling;
  const CbiganShape shape = { 1, t->height, t->width }, image = { 3, t->side, t->side };
  const CbiganShape one = { 1, 1, 1 }, *of_good = comparison == ALIGNED ? &shape : &one;
  Guarded corners = guarded_new(backend, (CbiganShape){ t->columns + t->rows, 1, 1 }, 1, f->corners, NAN);
  Guarded d = guarded_new(backend, image, cbigan_tiling_patches(t), f->differences, NAN);
  Guarded mean = guarded_new(backend, *of_good, 1, f->mean, NAN);
  Guarded deviation = guarded_new(backend, *of_good, 1, f->deviation, NAN);
  Guarded scratch = guarded_new(backend, shape, CBIGAN_MAP_PLANES, NULL, 5.0f);
  Guarded map = guarded_new(backend, shape, 1, NULL, 7.0f);
  CbiganFrameTiling tiling = *t;
  const CbiganMapBaseline good = { mean.data, deviation.data, comparison == ALIGNED, FLOOR };
  tiling.across = corners.data;
  tiling.down = corners.data + t->columns;
  cbigan_backend_map(backend, &tiling, d.data, filter, comparison == NOT_COMPARED ? NULL : &good, scratch.data,
                     map.data, peak);
  g_assert_true(cbigan_backend_finish(backend, NULL));
  g_free(guarded_finish(&corners, "corners"));
  g_free(guarded_finish(&d, "differences"));
  g_free(guarded_finish(&mean, "mean"));
  g_free(guarded_finish(&deviation, "deviation"));
  g_free(guarded_finish(&scratch, "scratch"));
  return guarded_finish(&map, "map");
}

static void
check_map(const Frame *f, CbiganBackend *backend, CbiganMapFilter filter, const char *what)
{
  const int w = f->tiling.width, h = f->tiling.height, n = w * h;
  g_autofree double *plain = g_new(double, n);
  g_autofree float *want = g_new(float, n), *tolerance = g_new(float, n);
  make_map(f, &filter, plain);
  for (int comparison = 0; comparison < N_COMPARISONS; comparison++) {
    float peak = -1.0f, largest = -INFINITY;
    for (int i = 0; i < n; i++) {
      const int k = comparison == ALIGNED ? i : 0;
      const double scale = comparison ? (double)f->deviation[k] + (double)FLOOR : 1.0;
      const double z = (plain[i] - (comparison ? (double)f->mean[k] : 0.0)) / scale;
      want[i] = (float)(comparison ? fmax(z, 0.0) : z);
      tolerance[i] = (float)(4e-6 / scale); /* of numbers up to 3 x 2 */
    }
    g_autofree float *have = run(f, backend, &filter, (Comparison)comparison, &peak);
    expect_close(what, (CbiganShape){ 1, h, w }, 1, have, want, tolerance);
    for (int i = 0; i < n; i++)
      largest = fmaxf(largest, have[i]);
    g_assert_cmpfloat(peak, ==, largest);
  }
}

/* One patch; several; overlapping by one pixel, by all but one, along one axis and both; the larger window and blur */
static const int sizes[][3] = { { 64, 64, 64 },   { 128, 192, 64 }, { 65, 64, 64 },    { 64, 127, 64 },
                                { 131, 150, 64 }, { 191, 129, 64 }, { 128, 128, 128 }, { 200, 257, 128 } };

static void
test_maps(gconstpointer klass)
{
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  for (guint i = 0; backend && i < G_N_ELEMENTS(sizes); i++) {
    Frame f = frame_new(sizes[i][0], sizes[i][1], sizes[i][2]);
    check_map(&f, backend, cbigan_error_map_filter(f.tiling.side), "error map");
    check_map(&f, backend, cbigan_local_map_filter(f.tiling.side), "local map");
    frame_clear(&f);
  }
}

/* A number that is not finite shows in the map and in its peak, wherever it lies. */
static void
test_not_finite(gconstpointer klass)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };
  static const int places[] = { 0, 100, 3 * 64 * 64 - 1, 2 * 3 * 64 * 64 - 1 };
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  Frame f = frame_new(70, 64, 64);
  for (guint i = 0; backend && i < G_N_ELEMENTS(bad) * G_N_ELEMENTS(places); i++) {
    float *place = &f.differences[places[i / G_N_ELEMENTS(bad)]], kept = *place;
    *place = bad[i % G_N_ELEMENTS(bad)];
    for (int local = 0; local < 2; local++) {
      const CbiganMapFilter filter = local ? cbigan_local_map_filter(64) : cbigan_error_map_filter(64);
      float peak = 0.0f;
      gboolean finite = TRUE;
      g_autofree float *map = run(&f, backend, &filter, local ? ALIGNED : NOT_COMPARED, &peak);
      for (int k = 0; k < 70 * 64; k++)
        finite = finite && isfinite(map[k]);
      if (finite || isfinite(peak))
        g_error("%g at %d does not show: the map is %s, its peak %g", (double)*place, (int)(place - f.differences),
                finite ? "finite" : "not finite", (double)peak);
    }
    *place = kept;
  }
  frame_clear(&f);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  add_for_backends("maps", TRUE, test_maps);
  add_for_backends("not-finite", TRUE, test_not_finite);
  return g_test_run();
}
