/* compare.h - test data, guarded memory and the comparison of two backends
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* Kinds of numbers that arithmetic goes wrong on. */
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
float *data_absolute(const float *x, gsize n);

/* n samples in backend memory with GUARD floats in front and behind, which hold `fill`. */
typedef struct {
  CbiganBackend *backend;
  CbiganShape shape;
  int n;
  float fill;
  float *memory, *data; /* data = memory + GUARD */
} Guarded;

/* host: (n, c, h, w), NULL = fill everywhere */
Guarded guarded_new(CbiganBackend *backend, CbiganShape shape, int n, const float *host, float fill);
/* Ends the test when a guard was written. (transfer full) (n, c, h, w) on the host */
float *guarded_finish(Guarded *g, const char *what);

/* Ends the test unless a = b within tolerance[i], both NaN, or the same infinity; prints the place and both. */
void compare(const char *what, CbiganShape shape, int n, const float *a, const float *b, const float *tolerance);

/* The backend, or NULL after g_test_skip() with the reason. */
CbiganBackend *open_or_skip(const CbiganBackendClass *klass);
/* Adds /name/test for every backend but "reference", or for all. */
void add_for_backends(const char *test, gboolean reference_too, GTestDataFunc function);

G_END_DECLS
