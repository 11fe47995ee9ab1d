/* sources.c - how far layers depend on the same inputs of their network
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file of its own because backends in modules have a copy of it: see failure.c.
 */
#include "backend.h"

int
cbigan_backend_same_sources(const CbiganNetwork *network, int first, int end)
{
  g_autofree guint *sources = g_new0(guint, network->n_values); /* a bit for each of the network's inputs */
  for (int i = 0; i < network->n_inputs; i++)
    sources[i] = 1u << i;
  for (int i = 0; i < network->n_layers; i++)
    sources[network->layers[i].output] |= sources[network->layers[i].input];
  int i = first;
  while (i < end && sources[network->layers[i].output] == sources[network->layers[first].output])
    i++;
  return i;
}
