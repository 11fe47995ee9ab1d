/* harness.h - what the tests of backends share: data, guarded memory, comparisons, and the backends to run on
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows of a table are test cases: give each row a name and add it by that name, so that it can be run alone
 * (-p /path). A row with `slow` runs only in `tests/run.sh --all` (-m slow).
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* --- data ------------------------------------------------------------------------------------------------------- */

/* Kinds of numbers that arithmetic goes wrong on */
typedef enum {
  DATA_RANDOM, /* -1..1 */
  DATA_ZERO,
  DATA_DENORMAL,
  DATA_HUGE,     /* 1e30 */
  DATA_INFINITE, /* random with a few infinities */
  DATA_NAN,      /* random with a few NaN */
  N_DATA
} DataKind;

extern const char *const data_names[N_DATA];

/* (transfer full) n floats, the same for the same seed */
float *data_new(DataKind kind, gsize n, guint32 seed);
/* (transfer full) |x| */
float *data_absolute(const float *x, gsize n);

/* --- guarded memory --------------------------------------------------------------------------------------------- */

#define SENTINEL 12345.678f /* a value that no test computes */

/* n samples in backend memory, between guards that hold `fill`; free them with guarded_take(). host: (n, c, h, w),
 * NULL = fill everywhere */
float *guarded_put(CbiganBackend *backend, CbiganShape shape, int n, const float *host, float fill);
/* Frees what guarded_put() returned, and ends the test if a guard was written. host: filled with (n, c, h, w) unless
 * NULL */
void guarded_take(CbiganBackend *backend, CbiganShape shape, int n, float *data, float fill, float *host,
                  const char *what);

/* The same, with what guarded_take() needs to know beside it */
typedef struct {
  CbiganBackend *backend;
  CbiganShape shape;
  int n;
  float fill, *data;
} Guarded;

Guarded guarded_new(CbiganBackend *backend, CbiganShape shape, int n, const float *host, float fill);
/* (transfer full) (n, c, h, w) on the host; frees the memory */
float *guarded_finish(Guarded *g, const char *what);

/* --- comparisons ------------------------------------------------------------------------------------------------ */
/* Each ends the test with the place, both values and the tolerance. NaN equals only NaN, an infinity only itself. */

/* |have - want| <= tolerance[i] */
void expect_close(const char *what, CbiganShape shape, int n, const float *have, const float *want,
                  const float *tolerance);
/* |have - want| <= relative * (largest finite |want|) + absolute */
void expect_within(const char *what, gsize n, const float *have, const double *want, double relative, double absolute);

/* An error of CBIGAN_ERROR with that CbiganError, and with `words` in its message */
void expect_error(const GError *error, int code, const char *words);

/* --- cases ------------------------------------------------------------------------------------------------------ */

/* How the rows of a table of cases begin: a part of the case's path, and whether it runs with -m slow only. With -m
 * slow the other rows do not run. */
typedef struct {
  const char *name;
  gboolean slow;
} RowHead;

/* --- backends --------------------------------------------------------------------------------------------------- */

/* (transfer full) a backend that can run here; an error ends the test. */
CbiganBackend *open_backend(const CbiganBackendOptions *options);
/* (transfer full) the backend, or NULL after g_test_skip() with the reason */
CbiganBackend *open_or_skip(const CbiganBackendClass *klass);
/* Adds /BACKEND/test for every backend but “reference”, or for all. The environment's CBIGAN_TEST_BACKEND names the
 * only one. */
void add_for_backends(const char *test, gboolean reference_too, GTestDataFunc function);
/* A row of a test's own table, on one backend */
typedef struct {
  const CbiganBackendClass *klass;
  gconstpointer row;
} BackendRow;

/* Adds /BACKEND/test/NAME for the same backends, but “reference”, and each of n rows of `size` bytes, which begin with
 * RowHead. Data: BackendRow */
void add_rows_for_backends(const char *test, gconstpointer rows, gsize n, gsize size, GTestDataFunc function);
/* FALSE: the backend can't run here; the test /GROUP/NAME was added, which is skipped and says why. */
gboolean available_or_skipped(const char *group, const char *name);

/* Threads of this process. */
int count_own_threads(void);

G_END_DECLS
