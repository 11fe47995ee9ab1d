/* model_networks.h - the networks of a model, opened on a backend for a batch of patches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/forward.h"
#include "score.h"

G_BEGIN_DECLS

/* Of a batch, the first n patches count; the others hold what an earlier batch left there. */
typedef struct {
  CbiganBackend *backend; /* not owned */
  int batch;
  float *x;                   /* backend memory (batch, 3, patch, patch): fill this first */
  float *z, *r;               /* E(x), G(E(x)) after cbigan_passes_reconstruct(); not owned */
  int channels;               /* of the critic's map */
  CbiganDistances *distances; /* NULL: find them from the features */
  /* private */
  CbiganShape image;
  int grid;
  float *parameters[CBIGAN_N_NETWORKS]; /* backend memory */
  CbiganNetwork *first_tap;
  CbiganForward *encoder, *generator, *tap, *trunk;
  int tap_value;
  float *difference;       /* backend memory (batch, 3, patch, patch): x - r; NULL unless f_D is linear */
  float *tap_x, *tap_r;    /* backend memory (batch, tap) */
  CbiganFeatures features; /* D's blocks behind the critic's map */
  float *host;             /* (batch, largest value) */
} CbiganPasses;

/* needs: all CbiganNeeds together. good: what distances are from, where the backend may find them; or NULL. NULL with
 * CBIGAN_ERROR_BACKEND. */
CbiganPasses *cbigan_passes_new(const CbiganModel *model, CbiganBackend *backend, guint needs,
                                const CbiganCriticStatistics *good, int batch, GError **error);
void cbigan_passes_free(CbiganPasses *self);

void cbigan_passes_reconstruct(CbiganPasses *self);
/* After that: l_r, l_fd (n), Eq. 11 and 9; there with cbigan_backend_finish() */
void cbigan_passes_terms(CbiganPasses *self, int n, double *l_r, double *l_fd);
/* After that: G(E(x)) of patches first .. first + n - 1 -> images (n, 3, patch, patch) */
void cbigan_passes_images(CbiganPasses *self, int first, int n, float *images);
/* After that, where the backend keeps frames: x - G(E(x)) of the same patches -> to, backend memory */
void cbigan_passes_subtract(CbiganPasses *self, int first, int n, float *to);
/* out[i] -> (grid * grid, channels) of patch i, i < n: D's chosen blocks on one grid */
void cbigan_passes_features(CbiganPasses *self, int n, float *const *out);
/* The same with self->distances: to (n, grid, grid) in backend memory, distances from good pictures */
void cbigan_passes_distances(CbiganPasses *self, int n, float *to);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganPasses, cbigan_passes_free)

G_END_DECLS
