/* test_patches.c - patches cover every frame; light compensation undoes gain and offset
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score/gan/tiling.h"
#include "harness.h"

#include <math.h>
#include <string.h>

static void
cover(int side, int w, int h)
{
  g_autoptr(GError) error = NULL;
  CbiganFrameTiling t;
  g_assert_true(cbigan_tiling_init(&t, w, h, side, &error));
  g_assert_no_error(error);
  g_assert_cmpint(t.columns, ==, (w + side - 1) / side);
  g_assert_cmpint(t.rows, ==, (h + side - 1) / side);
  g_assert_cmpint(cbigan_tiling_patches(&t), ==, t.columns * t.rows);
  g_autofree float *corners = g_new(float, t.columns + t.rows);
  cbigan_tiling_corners(&t, corners);
  for (int axis = 0; axis < 2; axis++) { /* from border to border, without gaps, with even overlaps */
    const float *corner = axis ? corners + t.columns : corners;
    const int n = axis ? t.rows : t.columns, length = axis ? h : w;
    g_assert_cmpfloat(corner[0], ==, 0);
    g_assert_cmpfloat(corner[n - 1], ==, (float)(length - side));
    for (int i = 1; i < n; i++) {
      const float step = corner[i] - corner[i - 1], even = (float)(length - side) / (float)(n - 1);
      if (corner[i] != floorf(corner[i]) || step > (float)side || fabsf(step - even) >= 1.0f)
        g_error("%d x %d, side %d: corner %d is %g after %g, expected about %g more", w, h, side, i, (double)corner[i],
                (double)corner[i - 1], (double)even);
    }
  }
}

static void
test_cover(void)
{
  static const int sides[] = { 64, 65, 100, 127, 128, 129, 191, 192, 193, 333, 512 };
  for (guint i = 0; i < G_N_ELEMENTS(sides); i++)
    for (guint k = 0; k < G_N_ELEMENTS(sides); k++) {
      cover(64, sides[i], sides[k]);
      if (sides[i] >= 128 && sides[k] >= 128)
        cover(128, sides[i], sides[k]);
    }
}

static void
test_too_small(void)
{
  static const int sizes[][2] = { { 63, 64 }, { 64, 63 }, { 1, 1 }, { 0, 0 }, { 1000, 20 } };
  CbiganFrameTiling t;
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *size = g_strdup_printf("%d x %d", sizes[i][0], sizes[i][1]);
    g_assert_false(cbigan_tiling_init(&t, sizes[i][0], sizes[i][1], 64, &error));
    expect_error(error, CBIGAN_ERROR_FRAME, size);
    g_assert_nonnull(strstr(error->message, "64 x 64"));
  }
}

/* 90 x 70 pixels of gray levels around 110 in rows of 300 bytes; bytes between rows must not count. */
static void
make_frame(guint8 *data, double gain, double offset)
{
  memset(data, 255, 70 * 300);
  for (int y = 0; y < 70; y++)
    for (int i = 0; i < 270; i++) {
      double value = 110 + 40 * sin(i / 9.0) + 30 * cos(y / 7.0 + i);
      data[y * 300 + i] = (guint8)CLAMP(floor(gain * value + offset + 0.5), 0, 255);
    }
}

static void
test_light(void)
{
  static const struct {
    double gain, offset;
  } cases[] = { { 1, 0 }, { 0.92, 0 }, { 1.08, 0 }, { 1, 10 }, { 1, -10 }, { 0.8, 20 }, { 1.2, -15 } };
  g_autofree guint8 *plain = g_malloc(70 * 300), *changed = g_malloc(70 * 300);
  make_frame(plain, 1, 0);
  CbiganFrame frame = { plain, 90, 70, 300 };
  guint64 histogram[256] = { 0 };
  cbigan_light_histogram(&frame, 0, 30, histogram);
  cbigan_light_histogram(&frame, 30, 70, histogram);
  guint64 n = 0;
  for (int v = 0; v < 256; v++)
    n += histogram[v];
  g_assert_cmpuint(n, ==, 90 * 70 * 3);
  double low = cbigan_light_quantile(histogram, CBIGAN_LIGHT_LOW);
  double median = cbigan_light_quantile(histogram, CBIGAN_LIGHT_MEDIAN);
  g_assert_cmpfloat_with_epsilon(median, 110 / 127.5 - 1, 0.03);

  frame.data = changed;
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    make_frame(changed, cases[i].gain, cases[i].offset);
    guint64 its[256] = { 0 };
    cbigan_light_histogram(&frame, 0, 70, its);
    CbiganLight light = cbigan_light_compensation(its, (CbiganLightTarget){ low, median });
    double worst = 0;
    for (int y = 0; y < 70; y++)
      for (int k = y * 300; k < y * 300 + 270; k++)
        worst = MAX(worst, fabs(light.gain * (changed[k] / 127.5 - 1) + light.shift - (plain[k] / 127.5 - 1)));
    if (worst > 2.0 / 127.5) /* both frames are rounded to bytes */
      g_error("gain %g offset %g: a pixel is off by %g grey levels, expected at most 2", cases[i].gain, cases[i].offset,
              worst * 127.5);
  }
}

static void
test_light_limits(void)
{
  guint8 flat[64 * 64 * 3];
  memset(flat, 200, sizeof flat);
  CbiganFrame frame = { flat, 64, 64, 192 };
  guint64 histogram[256] = { 0 };
  cbigan_light_histogram(&frame, 0, 64, histogram);
  CbiganLight light = cbigan_light_compensation(histogram, (CbiganLightTarget){ -0.5, 0.0 });
  g_assert_cmpfloat_with_epsilon(light.gain, 4.0 / 3.0, 1e-6);
  g_assert_cmpfloat_with_epsilon(light.gain * (200 / 127.5 - 1) + light.shift, 0.0, 0.01);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/patches/cover", test_cover);
  g_test_add_func("/patches/too-small", test_too_small);
  g_test_add_func("/patches/light", test_light);
  g_test_add_func("/patches/light-limits", test_light_limits);
  return g_test_run();
}
