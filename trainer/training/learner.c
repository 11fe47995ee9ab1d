/* learner.c - a network that learns: its parameters and the arrays of their updates
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "learner.h"

gboolean
cbigan_learner_init(CbiganLearner *self, CbiganBackend *backend, CbiganNetworkKind kind, int width, int patch,
                    GError **error)
{
  *self = (CbiganLearner){ .network = cbigan_network_new(kind, width, patch) };
  float **arrays[] = { &self->parameters, &self->gradients, &self->moment1, &self->moment2, &self->mean };
  for (gsize i = 0; i < G_N_ELEMENTS(arrays); i++)
    if (kind != CBIGAN_DISCRIMINATOR || arrays[i] != &self->mean)
      if (!(*arrays[i] = cbigan_backend_alloc(backend, self->network->n_floats, error)))
        return FALSE;
  return TRUE;
}

void
cbigan_learner_clear(CbiganLearner *self, CbiganBackend *backend)
{
  float *arrays[] = { self->parameters, self->gradients, self->moment1, self->moment2, self->mean };
  for (gsize i = 0; i < G_N_ELEMENTS(arrays); i++)
    if (arrays[i])
      cbigan_backend_free(backend, arrays[i]);
  cbigan_network_free(self->network);
  *self = (CbiganLearner){ 0 };
}
