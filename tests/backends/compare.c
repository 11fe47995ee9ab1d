/* compare.c - test data, guarded memory and the comparison of two backends
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "compare.h"

#include <math.h>

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

/* Numbers that lie in the same order on every backend. */
static CbiganShape
flat(gsize n)
{
  return (CbiganShape){ (int)n, 1, 1 };
}

Guarded
guarded_new(CbiganBackend *backend, CbiganShape shape, int n, const float *host, float fill)
{
  gsize size = (gsize)n * cbigan_shape_size(shape) + 2 * GUARD;
  g_autofree float *filled = g_new(float, size);
  for (gsize i = 0; i < size; i++)
    filled[i] = fill;
  g_autoptr(GError) error = NULL;
  Guarded g = { .backend = backend, .shape = shape, .n = n, .fill = fill };
  g.memory = cbigan_backend_alloc(backend, size, &error);
  g_assert_no_error(error);
  g.data = g.memory + GUARD;
  cbigan_backend_upload(backend, flat(size), 1, filled, g.memory);
  if (host)
    cbigan_backend_upload(backend, shape, n, host, g.data);
  return g;
}

float *
guarded_finish(Guarded *g, const char *what)
{
  gsize n = (gsize)g->n * cbigan_shape_size(g->shape);
  g_autofree float *all = g_new(float, n + 2 * GUARD);
  float *host = g_new(float, n);
  cbigan_backend_download(g->backend, flat(n + 2 * GUARD), 1, g->memory, all);
  cbigan_backend_download(g->backend, g->shape, g->n, g->data, host);
  for (gsize i = 0; i < 2 * GUARD; i++) {
    float found = all[i < GUARD ? i : n + i];
    if (found != g->fill && !(isnan(found) && isnan(g->fill)))
      g_error("%s: wrote %g %" G_GSSIZE_FORMAT " floats %s its output", what, (double)found,
              (gssize)(i < GUARD ? GUARD - i : i - GUARD + 1), i < GUARD ? "before" : "behind");
  }
  cbigan_backend_free(g->backend, g->memory);
  return host;
}

void
compare(const char *what, CbiganShape s, int n, const float *a, const float *b, const float *tolerance)
{
  for (gsize i = 0; i < (gsize)n * cbigan_shape_size(s); i++) {
    gboolean same = isnan(b[i]) ? isnan(a[i]) : isinf(b[i]) ? a[i] == b[i] : fabsf(a[i] - b[i]) <= tolerance[i];
    if (!same)
      g_error("%s: [%d][%d][%d][%d] is %.9g, reference %.9g, tolerance %.3g", what, (int)(i / cbigan_shape_size(s)),
              (int)(i / ((gsize)s.h * s.w) % s.c), (int)(i / s.w % s.h), (int)(i % s.w), (double)a[i], (double)b[i],
              (double)tolerance[i]);
  }
}

CbiganBackend *
open_or_skip(const CbiganBackendClass *klass)
{
  g_autofree char *why = cbigan_backend_unavailable(klass->name);
  if (why) {
    g_test_skip(why);
    return NULL;
  }
  g_autoptr(GError) error = NULL;
  CbiganBackend *backend = cbigan_backend_open(klass->name, 0, 0, &error);
  g_assert_no_error(error);
  return backend;
}

void
add_for_backends(const char *test, gboolean reference_too, GTestDataFunc function)
{
  for (const CbiganBackendClass *const *k = cbigan_backend_list(); *k; k++) {
    if (*k == &cbigan_backend_reference && !reference_too)
      continue;
    g_autofree char *path = g_strdup_printf("/%s/%s", (*k)->name, test);
    g_test_add_data_func(path, *k, function);
  }
}
