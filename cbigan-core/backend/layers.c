/* layers.c - what backends that fuse layers ask of a network
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

static gboolean
is_conv(const CbiganLayer *l, int kernel, CbiganActivation activation, gboolean accumulate)
{
  return l->kind == CBIGAN_CONV2D && l->kernel == kernel && l->activation == activation && l->accumulate == accumulate;
}

gboolean
cbigan_backend_find_block(const CbiganLayer *l, int n, CbiganBlock *block)
{
  gboolean up = l->kind == CBIGAN_UPSAMPLE;
  const CbiganLayer *skip = l + up, *first = skip + 1, *second = skip + 2, *closing = skip + 3, *pool = skip + 4;
  if (n < 4 + up || !is_conv(skip, 1, CBIGAN_LINEAR, FALSE) || !is_conv(first, 3, CBIGAN_LEAKY, FALSE) ||
      !is_conv(second, 3, CBIGAN_LEAKY, FALSE) || !is_conv(closing, 1, CBIGAN_LEAKY, TRUE) ||
      first->input != skip->input || second->input != first->output || closing->input != second->output ||
      closing->output != skip->output || skip->bias != CBIGAN_NO_OFFSET)
    return FALSE;
  gboolean halves = n > 4 + up && pool->kind == CBIGAN_AVGPOOL && pool->input == closing->output;
  *block = (CbiganBlock){ 4 + up, up, skip, first, second, closing, halves ? pool : NULL };
  return TRUE;
}
