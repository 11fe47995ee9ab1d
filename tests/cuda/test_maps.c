/* test_maps.c - frames' maps from the cuda backend against those that the host makes of downloaded reconstructions
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where there is a GPU, those run that any GPU can take; on the emulated one, all.
 */
#include <math.h>
#include <string.h>

#include "backends/compare.h"
#include "core/pictures.h"
#include "gpu_configs.h"
#include "score/difference.h"
#include "score/filter.h"
#include "score/score.h"

/* A frame, random reconstructions of its patches, and both maps as the host makes them */
typedef struct {
  int w, h, side;
  Picture picture;
  CbiganPatches patches;
  CbiganLight light;
  float *images, *error_map, *local_map;
} Frame;

static gsize
size_of(const Frame *f) /* floats of all patches */
{
  return 3 * (gsize)f->side * (gsize)f->side * f->patches.corners->len;
}

static Frame
frame_new(int w, int h, int side)
{
  Frame f = { w, h, side, picture(w, h, 5, TRUE), .light = { 1.1f, -0.05f } };
  const gsize n = (gsize)w * (gsize)h;
  cbigan_patches_init(&f.patches, side);
  g_assert_true(cbigan_patches_cover(&f.patches, w, h, NULL));
  f.images = data_new(DATA_RANDOM, size_of(&f), 9);
  f.error_map = g_new0(float, n);
  f.local_map = g_new(float, n);
  g_autofree float *difference = g_new(float, 3 * n), *planes = g_new(float, CBIGAN_PLANES *n);
  g_autofree double *columns = g_new(double, w);
  g_autofree guint8 *counts = g_new(guint8, w + h);
  const CbiganDifference d = { &f.picture.frame, f.light, &f.patches, f.images, counts, difference, NULL };
  g_assert_true(cbigan_difference_find(&d));
  const CbiganMeasurement m = { .width = w,
                                .height = h,
                                .patches = &f.patches,
                                .difference = { difference, difference },
                                .planes = planes,
                                .columns = columns };
  cbigan_local_map(side, &m, f.local_map);
  for (gsize i = 0; i < 3 * n; i++)
    f.error_map[i % n] += fabsf(difference[i]);
  cbigan_filter_gaussian(f.error_map, w, h, side / 64.0, planes, NULL);
  return f;
}

static void
frame_clear(Frame *f)
{
  cbigan_patches_clear(&f->patches);
  g_free(f->picture.pixels);
  g_free(f->images);
  g_free(f->error_map);
  g_free(f->local_map);
}

/* Its patches' differences on the backend, and scratch behind them; free with cbigan_backend_free() */
static float *
subtract(const Frame *f, CbiganBackend *backend)
{
  g_autoptr(GError) error = NULL;
  const gsize size = size_of(f), planes = CBIGAN_MAP_PLANES * (gsize)f->w * (gsize)f->h;
  const CbiganPixels pixels = { f->picture.frame.data, f->w, f->h, f->picture.frame.stride };
  float *d = cbigan_backend_alloc(backend, size + planes, &error), *x = cbigan_backend_alloc(backend, size, &error);
  float *r = cbigan_backend_alloc(backend, size, &error);
  g_assert_no_error(error);
  cbigan_backend_patches(backend, &pixels, &g_array_index(f->patches.corners, CbiganPoint, 0),
                         (int)f->patches.corners->len, f->side, f->light.gain, f->light.shift, x);
  cbigan_backend_upload(backend, (CbiganShape){ (int)size, 1, 1 }, 1, f->images, r);
  cbigan_backend_subtract(backend, size, x, r, d);
  cbigan_backend_free(backend, x);
  cbigan_backend_free(backend, r);
  return d;
}

/* Backend memory; free with cbigan_backend_free() */
static float *
corners_new(const Frame *f, CbiganBackend *backend)
{
  const int columns = f->patches.columns, rows = f->patches.rows;
  g_autofree float *host = g_new(float, columns + rows);
  for (int i = 0; i < columns; i++)
    host[i] = (float)g_array_index(f->patches.corners, CbiganPoint, i).x;
  for (int i = 0; i < rows; i++)
    host[columns + i] = (float)g_array_index(f->patches.corners, CbiganPoint, i * columns).y;
  float *corners = cbigan_backend_alloc(backend, (gsize)(columns + rows), NULL);
  cbigan_backend_upload(backend, (CbiganShape){ columns + rows, 1, 1 }, 1, host, corners);
  return corners;
}

static CbiganMosaic
mosaic_of(const Frame *f, const float *corners)
{
  return (
      CbiganMosaic){ f->w, f->h, f->side, f->patches.columns, f->patches.rows, corners, corners + f->patches.columns };
}

/* (transfer full) (h, w) */
static float *
map(const Frame *f, CbiganBackend *backend, const float *d, CbiganMapFilter filter)
{
  float *corners = corners_new(f, backend);
  const CbiganMosaic mosaic = mosaic_of(f, corners);
  const gsize n = (gsize)f->w * (gsize)f->h;
  float *there = cbigan_backend_alloc(backend, n, NULL), *found = g_new(float, n);
  cbigan_backend_map(backend, &mosaic, d, &filter, (float *)d + size_of(f), there);
  cbigan_backend_download(backend, (CbiganShape){ 1, f->h, f->w }, 1, there, found);
  cbigan_backend_free(backend, there);
  cbigan_backend_free(backend, corners);
  return found;
}

/* One patch; several; overlapping by one pixel, by all but one, along one axis and both; the larger window and blur */
static void
test_maps(void)
{
  static const int sizes[][3] = { { 64, 64, 64 },   { 128, 192, 64 }, { 65, 64, 64 },    { 64, 127, 64 },
                                  { 131, 150, 64 }, { 191, 129, 64 }, { 128, 128, 128 }, { 200, 257, 128 } };
  if (!can_run())
    return;
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  g_autoptr(CbiganBackend) backend = cbigan_backend_open("cuda", 0, 0, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    Frame f = frame_new(sizes[i][0], sizes[i][1], sizes[i][2]);
    const CbiganShape shape = { 1, f.h, f.w };
    float *d = subtract(&f, backend);
    g_autofree float *errors = map(&f, backend, d, cbigan_error_map_filter(f.side));
    g_autofree float *local = map(&f, backend, d, cbigan_local_map_filter(f.side));
    g_autofree float *tolerance = g_new(float, (gsize)f.w *(gsize)f.h);
    for (int k = 0; k < f.w * f.h; k++)
      tolerance[k] = 4e-6f; /* of numbers up to 3 x 2 */
    compare("error map", shape, 1, errors, f.error_map, tolerance);
    compare("local map", shape, 1, local, f.local_map, tolerance);
    cbigan_backend_free(backend, d);
    frame_clear(&f);
  }
}

/* A number that is not finite shows. */
static void
test_not_finite(void)
{
  static const float bad[] = { NAN, INFINITY };
  if (!can_run())
    return;
  g_autoptr(CbiganBackend) backend = cbigan_backend_open("cuda", 0, 0, NULL);
  Frame f = frame_new(70, 64, 64);
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    f.images[100] = bad[i];
    float *d = subtract(&f, backend);
    g_autofree float *errors = map(&f, backend, d, cbigan_error_map_filter(f.side));
    g_autofree float *local = map(&f, backend, d, cbigan_local_map_filter(f.side));
    if (cbigan_all_finite(errors, 70 * 64) || cbigan_all_finite(local, 70 * 64))
      g_error("%g in a reconstruction does not show", (double)bad[i]);
    cbigan_backend_free(backend, d);
  }
  frame_clear(&f);
}

/* Patches of several frames in several lights, and of a part of a frame, to the host's bits but for a fused
 * multiply-add; a light that can't be told (all one byte) too. */
static void
test_intake(void)
{
  if (!can_run())
    return;
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  g_autoptr(CbiganBackend) backend = cbigan_backend_open("cuda", 0, 0, NULL);
  Frame f = frame_new(150, 131, 64);
  Picture dark = picture(150, 131, 8, FALSE), flat = picture(150, 131, 9, FALSE);
  change_light(&dark, 0.4, -20);
  memset(flat.pixels, 77, flat.frame.stride * 131);
  const CbiganFrame *frames[] = { &dark.frame, &f.picture.frame, &flat.frame };
  const CbiganPoint *corners = &g_array_index(f.patches.corners, CbiganPoint, 0);
  float *there = corners_new(&f, backend);
  const CbiganMosaic mosaic = mosaic_of(&f, there);
  CbiganIntake *intake = cbigan_backend_intake(backend, 3, 150, 131, NULL);
  const int first = 2, n = (int)f.patches.corners->len - first;
  const gsize size = 3 * 64 * 64 * (gsize)n;
  float *x = cbigan_backend_alloc(backend, size, NULL);
  g_autofree float *have = g_new(float, size), *want = g_new(float, size);
  g_autoptr(CbiganBackend) judge = cbigan_backend_open("reference", 0, 0, NULL);
  for (int i = 0; i < 3; i++)
    intake->take(intake, i, &(CbiganPixels){ frames[i]->data, 150, 131, frames[i]->stride });
  intake->light(intake, 3, -0.5, -0.125);
  for (int i = 0; i < 3; i++)
    for (int lit = 0; lit < 2; lit++) {
      const CbiganPixels pixels = { frames[i]->data, 150, 131, frames[i]->stride };
      const CbiganLight light = lit ? cbigan_light_compensation(frames[i], -0.5, -0.125, NULL) : (CbiganLight){ 1, 0 };
      intake->crop(intake, i, &mosaic, first, n, lit, x);
      cbigan_backend_download(backend, (CbiganShape){ 3, 64, 64 }, n, x, have);
      cbigan_backend_patches(judge, &pixels, corners + first, n, 64, light.gain, light.shift, want);
      for (gsize k = 0; k < size; k++)
        if (!(fabsf(have[k] - want[k]) <= (is_emulated() ? 0.0f : 3e-7f)))
          g_error("frame %d, lit %d, %zu: %.9g, expected %.9g", i, lit, k, (double)have[k], (double)want[k]);
    }
  intake->free(intake);
  cbigan_backend_free(backend, x);
  cbigan_backend_free(backend, there);
  g_free(dark.pixels);
  g_free(flat.pixels);
  frame_clear(&f);
}

/* Deviations from one mean and from each pixel's own, and their peak wherever it lies; what isn't finite shows in it.
 */
static void
test_deviations(void)
{
  enum { N = 70000 }; /* several blocks of the kernels */
  static const int places[] = { 0, 1, 255, 256, 4095, 40000, N - 1 };
  if (!can_run())
    return;
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  g_autoptr(CbiganBackend) backend = cbigan_backend_open("cuda", 0, 0, NULL);
  const CbiganShape shape = { 1, 1, N };
  float *there[3]; /* x, mean, deviation */
  g_autofree float *x = data_new(DATA_RANDOM, N, 1), *mean = data_new(DATA_RANDOM, N, 2), *z = g_new(float, N);
  g_autofree float *deviation = data_new(DATA_RANDOM, N, 3);
  for (int i = 0; i < N; i++)
    deviation[i] = fabsf(deviation[i]);
  for (int k = 0; k < 3; k++)
    there[k] = cbigan_backend_alloc(backend, N, NULL);
  cbigan_backend_upload(backend, shape, 1, mean, there[1]);
  cbigan_backend_upload(backend, shape, 1, deviation, there[2]);
  for (int turn = 0; turn < 4 * (int)G_N_ELEMENTS(places); turn++) {
    const int at = places[turn / 4], apart = turn % 2;
    const float kept = x[at], bad[] = { 1e6f, 1e6f, NAN, -INFINITY };
    float peak = -1.0f, largest = 0.0f;
    x[at] = bad[turn % 4];
    cbigan_backend_upload(backend, shape, 1, x, there[0]);
    cbigan_backend_peak(backend, N, there[0], &peak); /* of what isn't compared yet */
    g_assert_true(cbigan_backend_finish(backend, NULL));
    g_assert_true(turn % 4 < 2 ? peak == 1e6f : isnan(peak));
    cbigan_backend_deviations(backend, N, there[1], there[2], apart, 0.25f, there[0]);
    cbigan_backend_peak(backend, N, there[0], &peak);
    cbigan_backend_download(backend, shape, 1, there[0], z);
    g_assert_true(cbigan_backend_finish(backend, NULL));
    for (int i = 0; i < N; i++) {
      const int k = apart ? i : 0;
      const float want = fmaxf((x[i] - mean[k]) / (deviation[k] + 0.25f), 0.0f);
      largest = fmaxf(largest, want);
      if (i != at || turn % 4 < 2)
        g_assert_cmpfloat(z[i], ==, want);
    }
    if (turn % 4 < 3) /* minus infinity is zero deviations */
      g_assert_true(turn % 4 == 2 ? isnan(peak) : peak == largest);
    x[at] = kept;
  }
  for (int k = 0; k < 3; k++)
    cbigan_backend_free(backend, there[k]);
}

/* No room for numbers on their way: NaN, and the call that failed is told. */
static void
test_no_room(void)
{
  g_autoptr(GError) error = NULL;
  if (!only_emulated())
    return;
  g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  g_autoptr(CbiganBackend) backend = cbigan_backend_open("cuda", 0, 0, NULL);
  float *x = cbigan_backend_alloc(backend, 5000, NULL), peak = 0.0f;
  double sums[2] = { 0.0, 0.0 };
  g_setenv("CBIGAN_EMULATOR", QUICK ",memory=0", TRUE);
  cbigan_backend_peak(backend, 5000, x, &peak);
  cbigan_backend_l1(backend, 2, 2000, x, x, NULL, sums);
  g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  g_assert_true(isnan(peak) && isnan(sums[0]) && isnan(sums[1]));
  g_assert_false(cbigan_backend_finish(backend, &error));
  if (!g_regex_match_simple("^memory\\.c:[0-9]+: cudaMalloc.*: cudaErrorMemoryAllocation", error->message, 0, 0))
    g_error("“%s”", error->message);
  cbigan_backend_free(backend, x);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cuda-maps/maps", test_maps);
  g_test_add_func("/cuda-maps/not-finite", test_not_finite);
  g_test_add_func("/cuda-maps/intake", test_intake);
  g_test_add_func("/cuda-maps/deviations", test_deviations);
  g_test_add_func("/cuda-maps/no-room", test_no_room);
  return g_test_run();
}
