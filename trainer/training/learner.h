/* learner.h - a network that learns: its parameters and the arrays of their updates
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* The arrays are (n_floats) each, in backend memory. */
typedef struct {
  CbiganNetwork *network;
  float *parameters;        /* updated with the numbers of the batch, if there are moments */
  float *gradients;         /* the losses are added; an update zeroes them */
  float *moment1, *moment2; /* Adam's; both NULL: only the gradients are wanted, the parameters stay */
  float *mean;              /* of the parameters over updates; NULL: none */
} CbiganLearner;

/* Makes the network and all its arrays, zeroed; `mean` for E and G only. Clear it in any case with
 * cbigan_learner_clear(). FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_learner_init(CbiganLearner *self, CbiganBackend *backend, CbiganNetworkKind kind, int width, int patch,
                             GError **error);
/* Frees the arrays and the network; nothing if all is NULL. */
void cbigan_learner_clear(CbiganLearner *self, CbiganBackend *backend);

G_END_DECLS
