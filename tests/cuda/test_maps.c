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
#include "machines.h"
#include "score/difference.h"
#include "score/filter.h"
#include "score/score.h"

#define QUICK "open=1," OWN

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

/* (transfer full) (h, w) */
static float *
map(const Frame *f, CbiganBackend *backend, const float *d, CbiganMapFilter filter)
{
  const CbiganMosaic mosaic = {
    f->w, f->h, f->side, f->patches.columns, f->patches.rows, &g_array_index(f->patches.corners, CbiganPoint, 0)
  };
  float *found = g_new(float, (gsize)f->w *(gsize)f->h);
  cbigan_backend_map(backend, &mosaic, d, &filter, (float *)d + size_of(f), found);
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

/* A number that is not finite shows; a failure too: NaN, and the first call that failed is told. */
static void
test_failures(void)
{
  static const float bad[] = { NAN, INFINITY };
  g_autoptr(GError) error = NULL;
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
  if (is_emulated()) { /* no room for a larger map's way back */
    Frame larger = frame_new(140, 140, 64);
    float *d = subtract(&larger, backend);
    g_setenv("CBIGAN_EMULATOR", QUICK ",memory=0", TRUE);
    g_autofree float *found = map(&larger, backend, d, cbigan_local_map_filter(64));
    g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
    for (int i = 0; i < 140 * 140; i++)
      g_assert_true(isnan(found[i]));
    g_assert_false(cbigan_backend_finish(backend, &error));
    if (!g_regex_match_simple("^transfer\\.c:[0-9]+: cudaMalloc.*: cudaErrorMemoryAllocation", error->message, 0, 0))
      g_error("“%s”", error->message);
    cbigan_backend_free(backend, d);
    frame_clear(&larger);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cuda-maps/maps", test_maps);
  g_test_add_func("/cuda-maps/failures", test_failures);
  return g_test_run();
}
