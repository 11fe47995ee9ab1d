/* test_bank.c - the fixed bank of filters and the nearest good samples against their definitions
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "score/inspector/bank.h"
#include "score/inspector/blur.h"
#include "score/inspector/nearest.h"

typedef struct {
  int w, h, threads;
} Case;

static const Case cases[] = { { 256, 192, 1 }, { 256, 192, 3 }, { 101, 83, 2 }, { 16, 16, 2 } };

static CbiganBackend *
open_backend(int threads)
{
  g_autoptr(GError) error = NULL;
  CbiganBackend *backend = cbigan_backend_open(
      &(CbiganBackendOptions){ .name = "cpu", .threads = threads, .precision = CBIGAN_PRECISION_FP32 }, &error);
  g_assert_no_error(error);
  return backend;
}

static float *
random_numbers(gsize n)
{
  float *x = g_new(float, n);
  guint32 state = 5;
  for (gsize i = 0; i < n; i++) {
    state = state * 1664525u + 1013904223u;
    x[i] = (float)(state >> 8) / 16777216.0f - 0.5f + sinf((float)i / 50.0f);
  }
  return x;
}

/* --- definitions ------------------------------------------------------------------------------------------------ */

typedef struct {
  int w, h;
  float *x;
} Plane;

static float
at(const Plane *p, int column, int row)
{
  return p->x[CLAMP(row, 0, p->h - 1) * p->w + CLAMP(column, 0, p->w - 1)];
}

/* Means of squares of `side` pixels, smaller ones at the right and lower borders. */
static Plane
pooled(const Plane *p, int side)
{
  Plane out = { (p->w + side - 1) / side, (p->h + side - 1) / side, NULL };
  out.x = g_new0(float, out.w *out.h);
  for (int row = 0; row < out.h; row++)
    for (int column = 0; column < out.w; column++) {
      const int right = MIN((column + 1) * side, p->w), bottom = MIN((row + 1) * side, p->h);
      double sum = 0.0;
      for (int y = row * side; y < bottom; y++)
        for (int x = column * side; x < right; x++)
          sum += p->x[y * p->w + x];
      out.x[row * out.w + column] = (float)(sum / ((right - column * side) * (bottom - row * side)));
    }
  return out;
}

static Plane
half(const Plane *p)
{
  Plane copy = { p->w, p->h, g_memdup2(p->x, sizeof(float) * (gsize)(p->w * p->h)) };
  cbigan_blur(copy.x, copy.w, copy.h, 0.8);
  Plane out = pooled(&copy, 2);
  g_free(copy.x);
  return out;
}

static Plane
enlarged(const Plane *p, int w, int h)
{
  Plane out = { w, h, g_new(float, w *h) };
  for (int row = 0; row < h; row++)
    for (int column = 0; column < w; column++) {
      const double v = CLAMP((row + 0.5) / 2 - 0.5, 0.0, p->h - 1.0),
                   u = CLAMP((column + 0.5) / 2 - 0.5, 0.0, p->w - 1.0);
      const int y = (int)v, x = (int)u;
      const double above = at(p, x, y) * (1 - (u - x)) + at(p, x + 1, y) * (u - x);
      const double below = at(p, x, y + 1) * (1 - (u - x)) + at(p, x + 1, y + 1) * (u - x);
      out.x[row * w + column] = (float)(above * (1 - (v - y)) + below * (v - y));
    }
  return out;
}

static Plane
difference(const Plane *p, int kind)
{
  Plane out = { p->w, p->h, g_new(float, p->w * p->h) };
  for (int row = 0; row < p->h; row++)
    for (int x = 0; x < p->w; x++) {
      const float here = at(p, x, row), left = at(p, x - 1, row), right = at(p, x + 1, row), up = at(p, x, row - 1),
                  down = at(p, x, row + 1);
      const float values[] = {
        (right - left) / 2, (down - up) / 2, (left - 2 * here + right) / 2, (up - 2 * here + down) / 2,
        (at(p, x - 1, row - 1) - at(p, x + 1, row - 1) - at(p, x - 1, row + 1) + at(p, x + 1, row + 1)) / 4
      };
      out.x[row * p->w + x] = values[kind];
    }
  return out;
}

static Plane
absolute(const Plane *p)
{
  Plane out = { p->w, p->h, g_new(float, p->w * p->h) };
  for (int i = 0; i < p->w * p->h; i++)
    out.x[i] = fabsf(p->x[i]);
  return out;
}

/* Compares 0.05 times a plane with a channel of features, and frees the plane. */
static void
check(Plane expected, const float *features, int channel)
{
  for (int i = 0; i < expected.w * expected.h; i++) {
    const float found = features[channel * expected.w * expected.h + i], wanted = 0.05f * expected.x[i];
    if (!(fabsf(found - wanted) <= 2e-7f))
      g_error("channel %d, cell %d, %d: %.9g, expected %.9g +- 2e-7", channel, i % expected.w, i / expected.w, found,
              wanted);
  }
  g_free(expected.x);
}

static void
check_differences(const Plane levels[4], const float *features)
{
  for (int kind = 0; kind < 5; kind++) {
    const Plane d0 = difference(&levels[0], kind), d1 = difference(&levels[1], kind), d3 = difference(&levels[3], kind);
    const Plane a0 = absolute(&d0), a1 = absolute(&d1);
    check(pooled(&a0, 4), features, kind);
    check(pooled(&a1, 2), features, 5 + kind);
    check(pooled(&d1, 2), features, 10 + kind);
    check(difference(&levels[2], kind), features, 15 + kind);
    check(enlarged(&d3, levels[2].w, levels[2].h), features, 20 + kind);
    g_free(d0.x);
    g_free(d1.x);
    g_free(d3.x);
    g_free(a0.x);
    g_free(a1.x);
  }
}

static void
check_colour(const Plane *colour, const float *features, int channel)
{
  Plane first = half(colour), second = half(&first), smooth = enlarged(&second, first.w, first.h);
  for (int i = 0; i < first.w * first.h; i++)
    first.x[i] = fabsf(first.x[i] - smooth.x[i]);
  check(pooled(&first, 2), features, channel + 2);
  check(second, features, channel);
  g_free(first.x);
  g_free(smooth.x);
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

static void
test_bank(gconstpointer data)
{
  const Case *c = data;
  const int n = c->w * c->h;
  const gsize cells = (gsize)((c->w + 3) / 4) * (gsize)((c->h + 3) / 4);
  g_autofree float *x = random_numbers(3 * (gsize)n), *features = g_new(float, CBIGAN_BANK_CHANNELS *cells);
  g_autoptr(CbiganBackend) backend = open_backend(c->threads);
  cbigan_bank_features(backend, x, c->w, c->h, features);

  const gsize size = (gsize)n * sizeof(float);
  Plane levels[4] = { { c->w, c->h, g_memdup2(x, size) } };
  const Plane colours[] = { { c->w, c->h, x + n }, { c->w, c->h, x + 2 * n } };
  cbigan_blur(levels[0].x, c->w, c->h, 0.6);
  for (int i = 1; i < 4; i++)
    levels[i] = half(&levels[i - 1]);
  check_differences(levels, features);
  for (int k = 0; k < 2; k++)
    check_colour(&colours[k], features, 26 + k);
  for (int i = 0; i < 4; i++)
    if (i == 2)
      check(levels[2], features, 25);
    else
      g_free(levels[i].x);

  g_autofree float *alone = g_new(float, CBIGAN_BANK_CHANNELS *cells);
  cbigan_bank_features(NULL, x, c->w, c->h, alone);
  g_assert_cmpmem(features, CBIGAN_BANK_CHANNELS * cells * sizeof(float), alone,
                  CBIGAN_BANK_CHANNELS * cells * sizeof(float));
}

static int
ascending(gconstpointer a, gconstpointer b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void
test_nearest(gconstpointer data)
{
  enum { N = 5, CHANNELS = 7 };
  const Case *c = data;
  const int w = (c->w + 3) / 4, h = (c->h + 3) / 4;
  g_autofree float *numbers = random_numbers((gsize)((N + 1) * CHANNELS * w * h)), *distance = g_new(float, w *h);
  const float *x = numbers, *samples = numbers + CHANNELS * w * h;
  g_autoptr(CbiganBackend) backend = open_backend(c->threads);
  cbigan_nearest_distance(backend, x, samples, N, CHANNELS, w, h, distance);
  for (int row = 0; row < h; row++)
    for (int column = 0; column < w; column++) {
      double found[9 * N];
      guint n = 0;
      for (int v = MAX(row - 1, 0); v <= MIN(row + 1, h - 1); v++)
        for (int u = MAX(column - 1, 0); u <= MIN(column + 1, w - 1); u++)
          for (int sample = 0; sample < N; sample++, n++) {
            double sum = 0.0;
            for (int k = 0; k < CHANNELS; k++)
              sum += pow(x[(k * h + row) * w + column] - samples[((v * N + sample) * CHANNELS + k) * w + u], 2.0);
            found[n] = sqrt(sum / CHANNELS);
          }
      qsort(found, n, sizeof *found, ascending);
      const double expected = (found[0] + found[1] + found[2]) / 3.0;
      if (!(fabs(distance[row * w + column] - expected) <= 1e-5 * expected))
        g_error("cell %d, %d: %.9g, expected %.9g", column, row, distance[row * w + column], expected);
    }
}

static void
test_whiten(void)
{
  const float mean[] = { 1, 2, 3 }, whitening[] = { 2, 1, 3, -1, 4, 5 };
  float x[] = { 2, 0, 4, 1, 3, 5 }; /* (3, 2): columns (2, 4, 3), (0, 1, 5) */
  const float expected[] = { 2, -2, 7, -4, 7, 7 };
  cbigan_whiten(NULL, mean, whitening, 3, 2, x);
  for (int i = 0; i < 6; i++)
    g_assert_cmpfloat(x[i], ==, expected[i]);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    const Case *c = &cases[i];
    g_autofree char *bank = g_strdup_printf("/bank/features/%dx%d/%d", c->w, c->h, c->threads);
    g_autofree char *nearest = g_strdup_printf("/bank/nearest/%dx%d/%d", c->w, c->h, c->threads);
    g_test_add_data_func(bank, c, test_bank);
    g_test_add_data_func(nearest, c, test_nearest);
  }
  g_test_add_func("/bank/whiten", test_whiten);
  return g_test_run();
}
