/* gradient_side.h - one backend under test, with its gradients
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "harness.h"
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
  CbiganBackend *backend =
      open_backend(&(CbiganBackendOptions){ .name = side_names[index], .threads = 2, .purpose = CBIGAN_FOR_TRAINING });
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

/* A buffer of n samples in backend memory, between guards */
static inline float *
side_put(const Side *side, CbiganShape shape, int n, const float *host)
{
  return guarded_put(side->grad.backend, shape, n, host, SENTINEL);
}

/* Reads the buffer back (host NULL: only frees it) and checks its guards. */
static inline void
side_take(const Side *side, CbiganShape shape, int n, float *data, float *host, const char *what)
{
  guarded_take(side->grad.backend, shape, n, data, SENTINEL, host, what);
}

static inline void
check_close(const char *side, const char *what, gsize n, const float *got, const double *expected, double relative,
            double absolute)
{
  g_autofree char *where = g_strdup_printf("%s, %s", side, what);
  expect_within(where, n, got, expected, relative, absolute);
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
