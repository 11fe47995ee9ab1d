/* gradient_side.h - one backend under test, and buffers with sentinels around them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "available.h"
#include "gradient/gradient.h"

#include <math.h>
#include <string.h>

/* Every test runs on each of these that can run here; the first is the judge. */
static const char *side_names[] = { "reference", "cpu", "cuda" };
static int n_sides;

/* First thing after g_test_init(). The environment variable CBIGAN_TEST_BACKEND names the only one besides the judge.
 */
static inline void
sides_find(const char *group)
{
  const char *only = g_getenv("CBIGAN_TEST_BACKEND");
  for (gsize i = 0; i < G_N_ELEMENTS(side_names); i++)
    if ((i == 0 || !only || !strcmp(only, side_names[i])) && available_or_skipped(group, side_names[i]))
      side_names[n_sides++] = side_names[i];
}

typedef struct {
  CbiganGrad grad;
} Side;

static inline Side
side_open(int index)
{
  g_autoptr(GError) error = NULL;
  Side side;
  CbiganBackend *backend = cbigan_backend_open(side_names[index], 0, 2, &error);
  g_assert_no_error(error);
  cbigan_grad_init(&side.grad, backend, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(side.grad.table->name, ==, side_names[index]);
  return side;
}

static inline void
side_close(Side *side)
{
  g_autoptr(GError) error = NULL;
  cbigan_backend_finish(side->grad.backend, &error);
  g_assert_no_error(error);
  cbigan_backend_close(side->grad.backend);
}

#define GUARD 16 /* floats before and after every buffer: 64 bytes, so data stays aligned */
#define SENTINEL 12345.5f
static const CbiganShape guard_shape = { GUARD, 1, 1 };

/* A buffer of n samples in backend memory with sentinels on both sides. */
static inline float *
side_put(const Side *side, CbiganShape shape, int n, const float *host)
{
  const gsize size = n * cbigan_shape_size(shape);
  float guard[GUARD];
  for (int i = 0; i < GUARD; i++)
    guard[i] = SENTINEL;
  float *data = cbigan_backend_alloc(side->grad.backend, size + 2 * GUARD, NULL);
  g_assert_nonnull(data);
  cbigan_backend_upload(side->grad.backend, guard_shape, 1, guard, data);
  cbigan_backend_upload(side->grad.backend, shape, n, host, data + GUARD);
  cbigan_backend_upload(side->grad.backend, guard_shape, 1, guard, data + GUARD + size);
  return data + GUARD;
}

/* Reads the buffer back (host NULL: only frees it) and checks its sentinels. */
static inline void
side_take(const Side *side, CbiganShape shape, int n, float *data, float *host, const char *what)
{
  const gsize size = n * cbigan_shape_size(shape);
  if (host)
    cbigan_backend_download(side->grad.backend, shape, n, data, host);
  for (int end = 0; end < 2; end++) {
    float guard[GUARD];
    cbigan_backend_download(side->grad.backend, guard_shape, 1, end ? data + size : data - GUARD, guard);
    for (int i = 0; i < GUARD; i++)
      if (guard[i] != SENTINEL) {
        g_test_message("%s, %s: wrote %g over the sentinel %d %s the buffer of %" G_GSIZE_FORMAT " floats",
                       side->grad.table->name, what, guard[i], i, end ? "behind" : "before", size);
        g_test_fail();
      }
  }
  cbigan_backend_free(side->grad.backend, data - GUARD);
}

/* |got - expected| <= relative * (largest finite |expected|) + absolute, NaN only where NaN, infinities equal. */
static inline void
check_close(const char *side, const char *what, gsize n, const float *got, const double *expected, double relative,
            double absolute)
{
  double largest = 0.0;
  for (gsize i = 0; i < n; i++)
    if (isfinite(expected[i]))
      largest = MAX(largest, fabs(expected[i]));
  const double tolerance = relative * largest + absolute;
  int failures = 0;
  for (gsize i = 0; i < n && failures < 5; i++) {
    const gboolean same = isfinite(expected[i]) ? fabs(got[i] - expected[i]) <= tolerance
                          : isnan(expected[i])  ? isnan(got[i])
                                                : got[i] == expected[i];
    if (same)
      continue;
    g_test_message("%s, %s: at %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT ": %.9g, expected %.9g, tolerance %.3g", side,
                   what, i, n, got[i], expected[i], tolerance);
    g_test_fail();
    failures++;
  }
}

/* Uniform in -1..1, the same in every run. */
static inline float
random_float(GRand *random)
{
  return (float)g_rand_double_range(random, -1.0, 1.0);
}

static inline float *
random_floats(GRand *random, gsize n)
{
  float *x = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    x[i] = random_float(random);
  return x;
}
