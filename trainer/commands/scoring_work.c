/* scoring_work.c - counts the operations and bytes of scoring a patch, from the networks' tables
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All values between the pixels and the map may stay in a cache, so they count no bytes: an implementation can come
 * near the resulting floor. A faster method (Winograd's) may need fewer operations than are counted here.
 */
#include "scoring_work.h"

static double
layer_weights(const CbiganLayer *layer) /* bytes */
{
  double inputs = layer->kind == CBIGAN_DENSE    ? (double)cbigan_shape_size(layer->in)
                  : layer->kind == CBIGAN_CONV2D ? (double)layer->kernel * layer->kernel * layer->in.c
                                                 : 0;
  double outputs = layer->kind == CBIGAN_DENSE ? (double)cbigan_shape_size(layer->out) : layer->out.c;
  return inputs ? (inputs + (layer->bias != CBIGAN_NO_OFFSET)) * outputs * sizeof(float) : 0;
}

/* Adds the first n_layers, which run `times` times per patch. */
static void
add_network(CbiganWork *work, const CbiganNetwork *network, int n_layers, int times)
{
  work->flop += times * cbigan_network_work(network, n_layers);
  for (int i = 0; i < n_layers; i++)
    work->weights += layer_weights(&network->layers[i]);
}

CbiganWork
cbigan_scoring_work(const CbiganModel *model)
{
  const CbiganNetwork *d = model->networks[CBIGAN_DISCRIMINATOR];
  double side = model->info.patch;
  CbiganWork work = { .pixels = side * side * (3 + sizeof(float)) };

  for (int kind = CBIGAN_ENCODER; kind <= CBIGAN_GENERATOR; kind++)
    add_network(&work, model->networks[kind], model->networks[kind]->n_layers, 1);
  if (model->info.tap == CBIGAN_TAP_HIDDEN) { /* f_D of x and of G(E(x)) */
    add_network(&work, d, cbigan_network_layers_until(d, cbigan_network_find_value(d, "discriminator.hidden")), 2);
  } else {
    g_autoptr(CbiganNetwork) first = cbigan_network_new_first_tap(model->info.width, model->info.patch);

    add_network(&work, first, first->n_layers, 2);
  }
  return work;
}
