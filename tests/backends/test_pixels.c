/* test_pixels.c - patches, l1, upload and download of every backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "cbigan.h"
#include "compare.h"

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
    compare("upload, download", shapes[i], 3, back, host, zero);
  }
}

/* All 256 values at all corners of an odd frame with bytes behind its rows, against the formula in double. */
static void
test_patches(gconstpointer klass)
{
  enum { W = 45, H = 37, STRIDE = W * 3 + 5, N = 6 };
  static const CbiganPoint corners[N] = { { 0, 0 }, { 12, 4 }, { 1, 3 }, { 12, 0 }, { 0, 4 }, { 7, 2 } };
  static const float gains[] = { 1.0f, 1.25f, 0.8f }, shifts[] = { 0.0f, -0.1f, 0.3f };
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  guint8 pixels[H * STRIDE];
  for (int i = 0; i < H * STRIDE; i++)
    pixels[i] = (guint8)(i * 7 + i / 256);
  CbiganPixels frame = { pixels, W, H, STRIDE };
  for (int side = 1; backend && side <= 33; side += 16)
    for (gsize k = 0; k < G_N_ELEMENTS(gains); k++) {
      CbiganShape shape = { 3, side, side };
      gsize size = cbigan_shape_size(shape);
      g_autofree float *want = g_new(float, N *size), *tolerance = g_new(float, N *size);
      for (gsize i = 0; i < N * size; i++) {
        int n = (int)(i / size), c = (int)(i / (size / 3) % 3), r = (int)(i / side % side), s = (int)(i % side);
        guint8 pixel = pixels[(corners[n].y + r) * STRIDE + (corners[n].x + s) * 3 + c];
        want[i] = (float)((double)gains[k] * (pixel / 127.5 - 1.0) + (double)shifts[k]);
        tolerance[i] = 3e-7f;
      }
      Guarded x = guarded_new(backend, shape, N, NULL, 77.0f);
      cbigan_backend_patches(backend, &frame, corners, N, side, gains[k], shifts[k], x.data);
      g_autofree float *have = guarded_finish(&x, "patches");
      compare("patches", shape, N, have, want, tolerance);
    }
}

static void
test_l1(gconstpointer klass)
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
    cbigan_backend_l1(backend, N, size, x.data, y.data, i % 2 ? d.data : NULL, have);
    g_assert_true(cbigan_backend_finish(backend, NULL));
    g_autofree float *difference = guarded_finish(&d, "l1's difference");
    for (gsize k = 0; i % 2 && k < N * size; k++) {
      float expected = a[k] - b[k];
      if (difference[k] != expected && !(isnan(expected) && isnan(difference[k])))
        g_error("a - b of %s data, [%" G_GSIZE_FORMAT "]: %.9g, expected %.9g", data_names[kind], k,
                (double)difference[k], (double)expected);
    }
    for (int n = 0; n < N; n++)
      if (isfinite(want[n]) ? !(fabs(have[n] - want[n]) <= 2e-6 * want[n] + 1e-36)
                            : !(isnan(want[n]) ? isnan(have[n]) : have[n] == want[n]))
        g_error("l1 of %s data, sample %d of %" G_GSIZE_FORMAT " floats: %.12g, expected %.12g, tolerance 2e-6",
                data_names[kind], n, size, have[n], want[n]);
    g_assert_cmpfloat(have[N], ==, 123);
    g_free(guarded_finish(&x, "l1"));
    g_free(guarded_finish(&y, "l1"));
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  add_for_backends("transfer", TRUE, test_transfer);
  add_for_backends("patches", TRUE, test_patches);
  add_for_backends("l1", TRUE, test_l1);
  return g_test_run();
}
