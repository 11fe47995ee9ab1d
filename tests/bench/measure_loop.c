/* measure_loop.c - time of cbigan_picture_measure() per frame, for some sizes; prints medians in microseconds
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <cbigan.h>
#include <stdlib.h>

enum { TIMES = 201 };

static int
compare(const void *a, const void *b)
{
  const gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
  return (x > y) - (x < y);
}

int
main(void)
{
  static const int sizes[][2] = { { 64, 64 }, { 128, 128 }, { 256, 256 }, { 640, 480 }, { 1920, 1080 } };
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    const int w = sizes[i][0], h = sizes[i][1];
    const gsize n = 3 * (gsize)w * (gsize)h;
    g_autofree guint8 *pixels = g_malloc(n);
    const CbiganFrame frame = { .data = pixels, .width = w, .height = h, .stride = 3 * (gsize)w };
    CbiganPictureMeasures measures;
    gint64 took[TIMES];
    for (gsize k = 0; k < n; k++)
      pixels[k] = (guint8)g_random_int();
    for (int k = 0; k < TIMES; k++) {
      const gint64 begin = g_get_monotonic_time();
      cbigan_picture_measure(NULL, &frame, &measures);
      took[k] = g_get_monotonic_time() - begin;
    }
    qsort(took, TIMES, sizeof *took, compare);
    g_print("%d x %d: %" G_GINT64_FORMAT " us\n", w, h, took[TIMES / 2]);
  }
  return 0;
}
