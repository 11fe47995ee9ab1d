/* harness.c - what the tests of backends share: data, guarded memory, comparisons, and the backends to run on
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "harness.h"

#include <math.h>
#include <string.h>

#include "cbigan.h"

#define GUARD 32 /* floats: keeps the 64-byte alignment */

const char *const data_names[N_DATA] = { "random", "zero", "denormal", "huge", "infinite", "nan" };

float *
data_new(DataKind kind, gsize n, guint32 seed)
{
  static const float scales[N_DATA] = { 1.0f, 0.0f, 1e-40f, 1e30f, 1.0f, 1.0f };
  g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
  float *x = g_new(float, n);
  for (gsize i = 0; i < n; i++) {
    x[i] = (float)g_rand_double_range(rand, -1, 1) * scales[kind];
    if (kind == DATA_INFINITE && g_rand_int_range(rand, 0, 50) == 0)
      x[i] = x[i] < 0 ? -INFINITY : INFINITY;
    if (kind == DATA_NAN && g_rand_int_range(rand, 0, 50) == 0)
      x[i] = NAN;
  }
  return x;
}

float *
data_absolute(const float *x, gsize n)
{
  float *y = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    y[i] = fabsf(x[i]);
  return y;
}

/* --- guarded memory --------------------------------------------------------------------------------------------- */

static const CbiganShape guard_shape = { GUARD, 1, 1 };

float *
guarded_put(CbiganBackend *backend, CbiganShape shape, int n, const float *host, float fill)
{
  const gsize size = (gsize)n * cbigan_shape_size(shape), all = size + 2 * GUARD;
  g_autofree float *filled = g_new(float, all);
  g_autoptr(GError) error = NULL;
  for (gsize i = 0; i < all; i++)
    filled[i] = fill;
  float *memory = cbigan_backend_alloc(backend, all, &error);
  g_assert_no_error(error);
  cbigan_backend_upload(backend, (CbiganShape){ (int)all, 1, 1 }, 1, filled, memory);
  if (host)
    cbigan_backend_upload(backend, shape, n, host, memory + GUARD);
  return memory + GUARD;
}

void
guarded_take(CbiganBackend *backend, CbiganShape shape, int n, float *data, float fill, float *host, const char *what)
{
  const gsize size = (gsize)n * cbigan_shape_size(shape);
  if (host)
    cbigan_backend_download(backend, shape, n, data, host);
  for (int behind = 0; behind < 2; behind++) {
    float guard[GUARD];
    cbigan_backend_download(backend, guard_shape, 1, behind ? data + size : data - GUARD, guard);
    for (int i = 0; i < GUARD; i++)
      if (memcmp(&guard[i], &fill, sizeof fill))
        g_error("%s: wrote %g %d floats %s its buffer of %" G_GSIZE_FORMAT " floats", what, (double)guard[i],
                behind ? i + 1 : GUARD - i, behind ? "behind" : "before", size);
  }
  cbigan_backend_free(backend, data - GUARD);
}

Guarded
guarded_new(CbiganBackend *backend, CbiganShape shape, int n, const float *host, float fill)
{
  return (Guarded){ backend, shape, n, fill, guarded_put(backend, shape, n, host, fill) };
}

float *
guarded_finish(Guarded *g, const char *what)
{
  float *host = g_new(float, (gsize)g->n *cbigan_shape_size(g->shape));
  guarded_take(g->backend, g->shape, g->n, g->data, g->fill, host, what);
  return host;
}

/* --- comparisons ------------------------------------------------------------------------------------------------ */

static gboolean
is_close(double have, double want, double tolerance)
{
  return isnan(want) ? isnan(have) : isinf(want) ? have == want : fabs(have - want) <= tolerance;
}

void
expect_close(const char *what, CbiganShape s, int n, const float *have, const float *want, const float *tolerance)
{
  for (gsize i = 0; i < (gsize)n * cbigan_shape_size(s); i++)
    if (!is_close((double)have[i], (double)want[i], (double)tolerance[i]))
      g_error("%s: [%d][%d][%d][%d] is %.9g, expected %.9g, tolerance %.3g", what, (int)(i / cbigan_shape_size(s)),
              (int)(i / ((gsize)s.h * s.w) % s.c), (int)(i / s.w % s.h), (int)(i % s.w), (double)have[i],
              (double)want[i], (double)tolerance[i]);
}

void
expect_within(const char *what, gsize n, const float *have, const double *want, double relative, double absolute)
{
  double largest = 0.0;
  for (gsize i = 0; i < n; i++)
    if (isfinite(want[i]))
      largest = fmax(largest, fabs(want[i]));
  const double tolerance = relative * largest + absolute;
  for (gsize i = 0; i < n; i++)
    if (!is_close((double)have[i], want[i], tolerance))
      g_error("%s: number %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " is %.9g, expected %.9g, tolerance %.3g", what, i,
              n, (double)have[i], want[i], tolerance);
}

void
expect_error(const GError *error, int code, const char *words)
{
  g_assert_error(error, CBIGAN_ERROR, code);
  if (!strstr(error->message, words))
    g_error("message “%s”, expected “%s” in it", error->message, words);
}

/* --- backends --------------------------------------------------------------------------------------------------- */

CbiganBackend *
open_backend(const CbiganBackendOptions *options)
{
  g_autoptr(GError) error = NULL;
  CbiganBackend *backend = cbigan_backend_open(options, &error);
  g_assert_no_error(error);
  return backend;
}

CbiganBackend *
open_or_skip(const CbiganBackendClass *klass)
{
  g_autofree char *why = cbigan_backend_unavailable(klass->name);
  if (why) {
    g_test_skip(why);
    return NULL;
  }
  return open_backend(&(CbiganBackendOptions){ .name = klass->name });
}

/* Whether the environment's CBIGAN_TEST_BACKEND names it, or no backend */
static gboolean
is_wanted(const CbiganBackendClass *klass)
{
  const char *only = g_getenv("CBIGAN_TEST_BACKEND");
  return !only || g_str_equal(only, klass->name);
}

void
add_for_backends(const char *test, gboolean reference_too, GTestDataFunc function)
{
  for (const CbiganBackendClass *const *k = cbigan_backend_list(); *k; k++) {
    if ((*k == &cbigan_backend_reference && !reference_too) || !is_wanted(*k))
      continue;
    g_autofree char *path = g_strdup_printf("/%s/%s", (*k)->name, test);
    g_test_add_data_func(path, *k, function);
  }
}

static void
skip_backend(gconstpointer why)
{
  g_test_skip(why);
}

static gboolean
backend_or_skipped(const char *name, const char *group, const char *test)
{
  char *why = cbigan_backend_unavailable(name);
  if (!why)
    return TRUE;
  g_autofree char *path = g_strdup_printf("/%s/%s", group, test);
  g_test_add_data_func_full(path, why, (GTestDataFunc)skip_backend, g_free);
  return FALSE;
}

void
add_rows_for_backends(const char *test, gconstpointer rows, gsize n, gsize size, GTestDataFunc function)
{
  for (const CbiganBackendClass *const *k = cbigan_backend_list(); *k; k++) {
    if (*k == &cbigan_backend_reference || !is_wanted(*k))
      continue;
    if (!backend_or_skipped((*k)->name, (*k)->name, test))
      continue;
    for (gsize i = 0; i < n; i++) {
      const RowHead *row = (const RowHead *)((const char *)rows + i * size);
      g_autofree char *path = g_strdup_printf("/%s/%s/%s", (*k)->name, test, row->name);
      if (row->slow == g_test_slow())
        g_test_add_data_func_full(path, g_memdup2(&(BackendRow){ *k, row }, sizeof(BackendRow)), function, g_free);
    }
  }
}

gboolean
available_or_skipped(const char *group, const char *name)
{
  return backend_or_skipped(name, group, name);
}

int
count_own_threads(void)
{
  int n = 0;
  g_autoptr(GDir) folder = g_dir_open("/proc/self/task", 0, NULL);
  while (folder && g_dir_read_name(folder))
    n++;
  return n;
}
