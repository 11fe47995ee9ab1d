/* golden.h - reads golden files and repeats the weights behind them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A golden file is what networks.py's write_safetensors() writes: named tensors of float32 or bytes. Meson gives
 * tests the folder in GOLDEN_DIR. A missing file or name ends the test.
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

typedef struct _Golden Golden;

Golden *golden_open(const char *name); /* "forward_c3_p64.safetensors" */
void golden_free(Golden *golden);
/* (transfer none); *size = elements, may be NULL; dims[4] = its shape, missing ones 1, may be NULL */
const float *golden_floats(Golden *golden, const char *name, gsize *size, int dims[4]);
const guint8 *golden_bytes(Golden *golden, const char *name, gsize *size, int dims[4]);

/* networks.py's set_parameters(): parameters = network->n_floats floats, host */
void golden_parameters(const CbiganNetwork *network, float *parameters);
/* A model with those weights, no statistics. */
CbiganModel *golden_model(int width, int patch);

/* Ends the test unless |a - b| <= tolerance * max(|b| over all), and prints place and both values. */
#define golden_compare(what, a, b, n, tolerance) golden_compare_at(__FILE__, __LINE__, what, a, b, n, tolerance)
void golden_compare_at(const char *file, int line, const char *what, const float *a, const float *b, gsize n,
                       double tolerance);
/* The largest |a - b| / max |b|. */
double golden_distance(const float *a, const float *b, gsize n);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Golden, golden_free)

G_END_DECLS
