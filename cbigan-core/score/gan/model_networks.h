/* model_networks.h - the networks of a model, opened on a backend for a batch of patches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "forward/forward.h"
#include "needs.h"

G_BEGIN_DECLS

/* Of a batch, the first n patches count; the others hold what an earlier batch left in their place. */
typedef struct _CbiganModelNetworks {
  CbiganBackend *backend; /* not owned */
  int batch;
  float *x;            /* backend memory (batch, 3, patch, patch): fill this first */
  float *z, *r;        /* E(x), G(E(x)) after cbigan_model_networks_reconstruct(); not owned */
  CbiganCritic critic; /* D's blocks behind the critic's map */
  /* private */
  CbiganShape image;
  const struct _CbiganModelNetworks *like;
  float *parameters[CBIGAN_N_NETWORKS]; /* backend memory; NULL with `like` */
  CbiganNetwork *first_tap;
  CbiganForward *encoder, *generator, *tap, *trunk;
  int tap_value;
  float *difference;    /* backend memory (batch, 3, patch, patch): x - r; NULL unless f_D is linear */
  float *tap_x, *tap_r; /* backend memory (batch, tap) */
  float *host;          /* (channels, grid * grid) */
} CbiganModelNetworks;

/* needs: all CbiganNeeds together. like: networks of the same model, needs and batch on another backend of the same
 * class and options, whose weights are shared where the backend can; they must outlive this. NULL = there are none.
 * Model and backend must outlive it. NULL with CBIGAN_ERROR_BACKEND. */
CbiganModelNetworks *cbigan_model_networks_new(const CbiganModel *model, CbiganBackend *backend, guint needs, int batch,
                                               const CbiganModelNetworks *like, GError **error);
void cbigan_model_networks_free(CbiganModelNetworks *self);
/* Sets the statistics for distances, which must outlive their use; NULL = features only. Call this before features or
 * distances. FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_model_networks_set_good(CbiganModelNetworks *self, const CbiganCriticStatistics *good, GError **error);

void cbigan_model_networks_reconstruct(CbiganModelNetworks *self);
/* After that: l_r, l_fd (n), Eq. 11 and 9; valid after cbigan_backend_finish(). difference: backend memory for `batch`
 * images, whose first n become x - G(E(x)); may be NULL. */
void cbigan_model_networks_terms(CbiganModelNetworks *self, int n, float *difference, double *l_r, double *l_fd);
/* As above, without the terms. */
void cbigan_model_networks_difference(CbiganModelNetworks *self, int n, float *difference);
/* D's chosen blocks on one grid -> out (n, grid * grid, channels), host memory. Waits. Without statistics. */
void cbigan_model_networks_features(CbiganModelNetworks *self, int n, float *out);
/* Their distances from good pictures (n, grid, grid), backend memory; peaks (n) as cbigan_backend_distances(). */
void cbigan_model_networks_distances(CbiganModelNetworks *self, int n, float *distances, float *peaks);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganModelNetworks, cbigan_model_networks_free)

G_END_DECLS
