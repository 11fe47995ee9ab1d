/* test_pixels.c - crop, difference, upload and download of every backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "cbigan.h"
#include "harness.h"

static const CbiganShape shapes[] = { { 1, 1, 1 }, { 3, 5, 7 }, { 17, 2, 3 }, { 64, 1, 1 }, { 4, 33, 1 } };

static void
test_transfer(gconstpointer klass)
{
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  for (gsize i = 0; backend && i < G_N_ELEMENTS(shapes); i++) {
    gsize n = 3 * cbigan_shape_size(shapes[i]);
    g_autofree float *host = data_new(DATA_NAN, n, (guint32)i), *zero = g_new0(float, n);
    Guarded g = guarded_new(backend, shapes[i], 3, host, 0.5f);
    g_autofree float *back = guarded_finish(&g, "upload");
    expect_close("upload, download", shapes[i], 3, back, host, zero);
  }
}

/* Frames of 45 x 37 pixels in rows of 140 bytes: all 256 values, dark ones, one value only. */
enum { W = 45, H = 37, STRIDE = W * 3 + 5, N_FRAMES = 3 };

static void
make_frames(guint8 pixels[N_FRAMES][H * STRIDE], CbiganFrame frames[N_FRAMES])
{
  for (int i = 0; i < H * STRIDE; i++) {
    pixels[0][i] = (guint8)(i * 7 + i / 256);
    pixels[1][i] = (guint8)(10 + pixels[0][i] / 3);
    pixels[2][i] = 77;
  }
  for (int k = 0; k < N_FRAMES; k++)
    frames[k] = (CbiganFrame){ pixels[k], W, H, STRIDE };
}

/* From its definition: the patches first .. first + n - 1 of a frame, in double. light: as the host finds it */
static void
crop(const CbiganFrame *frame, CbiganLight light, const CbiganFrameTiling *t, const float *corners, int first, int n,
     float *x)
{
  const int plane = t->side * t->side;
  for (int i = 0; i < n * 3 * plane; i++) {
    const int patch = first + i / (3 * plane), c = i / plane % 3, r = i / t->side % t->side, s = i % t->side;
    const int left = (int)corners[patch % t->columns], top = (int)corners[t->columns + patch / t->columns];
    const guint8 pixel = frame->data[(top + r) * STRIDE + (left + s) * 3 + c];
    x[i] = (float)((double)light.gain * (pixel / 127.5 - 1.0) + (double)light.shift);
  }
}

static void
check_crop(CbiganBackend *backend, int side, gboolean lit, int first, int n)
{
  static guint8 pixels[N_FRAMES][H * STRIDE];
  const CbiganLightTarget target = { -0.5, -0.125 };
  CbiganFrame frames[N_FRAMES];
  CbiganFrameTiling t = { W, H, side, 3, 2 };
  const float corners[] = { 0, 5, (float)(W - side), 0, (float)(H - side) };
  const CbiganShape shape = { 3, side, side };
  const gsize size = cbigan_shape_size(shape) * (gsize)n;
  g_autofree float *want = g_new(float, N_FRAMES *size), *tolerance = g_new(float, N_FRAMES *size);
  make_frames(pixels, frames);
  CbiganFrames *set = cbigan_backend_frames_new(backend, N_FRAMES, W, H, NULL);
  Guarded there = guarded_new(backend, (CbiganShape){ G_N_ELEMENTS(corners), 1, 1 }, 1, corners, NAN);
  Guarded x = guarded_new(backend, shape, N_FRAMES * n, NULL, 77.0f);
  t.across = there.data;
  t.down = there.data + t.columns;
  for (int k = 0; k < N_FRAMES; k++) {
    guint64 histogram[256] = { 0 };
    cbigan_light_histogram(&frames[k], 0, H, histogram);
    cbigan_backend_frame(backend, set, k, &frames[k]);
    crop(&frames[k], lit ? cbigan_light_compensation(histogram, target) : (CbiganLight){ 1.0f, 0.0f }, &t, corners,
         first, n, want + (gsize)k * size);
  }
  if (lit && first > 0) /* the light is found with the first patch */
    cbigan_backend_crop(backend, set, N_FRAMES, &t, 0, 1, &target, x.data);
  cbigan_backend_crop(backend, set, N_FRAMES, &t, first, n, lit ? &target : NULL, x.data);
  for (gsize i = 0; i < N_FRAMES * size; i++)
    tolerance[i] = 3e-7f;
  g_autofree float *have = guarded_finish(&x, "crop");
  g_free(guarded_finish(&there, "crop's corners"));
  expect_close("crop", shape, N_FRAMES * n, have, want, tolerance);
  cbigan_backend_frames_free(backend, set);
}

static void
test_crop(gconstpointer klass)
{
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  for (int side = 17; backend && side <= 33; side += 8)
    for (int lit = 0; lit < 2; lit++) {
      check_crop(backend, side, lit, 0, 6);
      check_crop(backend, side, lit, 0, 1);
      check_crop(backend, side, lit, 2, 3);
    }
}

static void
test_difference(gconstpointer klass)
{
  static const gsize sizes[] = { 1, 3, 64, 1023, 1024, 1025, 12288, 49152 };
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  for (int i = 0; backend && i < N_DATA * (int)G_N_ELEMENTS(sizes); i++) {
    enum { N = 5 };
    DataKind kind = (DataKind)(i % N_DATA);
    CbiganShape shape = { (int)sizes[i / N_DATA], 1, 1 };
    gsize size = cbigan_shape_size(shape);
    g_autofree float *a = data_new(kind, N * size, 1), *b = data_new(kind, N * size, 2);
    if (kind == DATA_INFINITE || kind == DATA_NAN) /* one sample's must not reach the others */
      for (gsize k = size; k < N * size; k++)
        a[k] = isfinite(a[k]) ? a[k] : 0, b[k] = isfinite(b[k]) ? b[k] : 0;
    double have[N + 1], want[N] = { 0 };
    have[N] = 123;
    for (gsize k = 0; k < N * size; k++)
      want[k / size] += fabs((double)a[k] - (double)b[k]);
    Guarded x = guarded_new(backend, shape, N, a, NAN), y = guarded_new(backend, shape, N, b, NAN);
    Guarded d = guarded_new(backend, shape, N, NULL, 4321.0f);
    const gboolean wants_sums = i % 3 > 0, wants_difference = i % 2 || !wants_sums;
    cbigan_backend_difference(backend, N, size, x.data, y.data, wants_difference ? d.data : NULL,
                              wants_sums ? have : NULL);
    g_assert_true(cbigan_backend_finish(backend, NULL));
    g_autofree float *difference = guarded_finish(&d, "difference");
    for (gsize k = 0; wants_difference && k < N * size; k++) {
      float expected = a[k] - b[k];
      if (difference[k] != expected && !(isnan(expected) && isnan(difference[k])))
        g_error("a - b of %s data, [%" G_GSIZE_FORMAT "]: %.9g, expected %.9g", data_names[kind], k,
                (double)difference[k], (double)expected);
    }
    for (int n = 0; wants_sums && n < N; n++)
      if (isfinite(want[n]) ? !(fabs(have[n] - want[n]) <= 2e-6 * want[n] + 1e-36)
                            : !(isnan(want[n]) ? isnan(have[n]) : have[n] == want[n]))
        g_error("sum of %s data, sample %d of %" G_GSIZE_FORMAT " floats: %.12g, expected %.12g, tolerance 2e-6",
                data_names[kind], n, size, have[n], want[n]);
    g_assert_cmpfloat(have[N], ==, 123);
    g_free(guarded_finish(&x, "difference"));
    g_free(guarded_finish(&y, "difference"));
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  add_for_backends("transfer", TRUE, test_transfer);
  add_for_backends("crop", TRUE, test_crop);
  add_for_backends("difference", TRUE, test_difference);
  return g_test_run();
}
