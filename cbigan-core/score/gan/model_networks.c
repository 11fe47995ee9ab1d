/* model_networks.c - the networks of a model, opened on a backend for a batch of patches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A network reads the buffers that another network wrote: its input values point to them.
 */
#include "model_networks.h"

#include "model/error.h"
#include "weights.h"

static CbiganForward *
open_network(CbiganModelNetworks *self, const CbiganModel *model, const CbiganNetwork *network, int n_layers,
             const int *keep, const CbiganForward *like, GError **error)
{
  if (like)
    return cbigan_forward_new_like(self->backend, network, keep, like, error);
  float **parameters = &self->parameters[network->kind];
  if (!*parameters) {
    if (!(*parameters = cbigan_backend_alloc(self->backend, network->n_floats, error)))
      return NULL;
    cbigan_backend_upload(self->backend, (CbiganShape){ (int)network->n_floats, 1, 1 }, 1,
                          model->parameters[network->kind], *parameters);
  }
  return cbigan_forward_new(self->backend, network, n_layers, self->batch, keep, *parameters, error);
}

static gboolean
open_reconstruction(CbiganModelNetworks *self, const CbiganModel *model, GError **error)
{
  const CbiganNetwork *e = model->networks[CBIGAN_ENCODER], *g = model->networks[CBIGAN_GENERATOR];
  const CbiganModelNetworks *like = self->like;
  return (self->encoder = open_network(self, model, e, e->n_layers, NULL, like ? like->encoder : NULL, error)) &&
         (self->generator = open_network(self, model, g, g->n_layers, NULL, like ? like->generator : NULL, error));
}

static gboolean
open_tap(CbiganModelNetworks *self, const CbiganModel *model, GError **error)
{
  const CbiganNetwork *network = model->networks[CBIGAN_DISCRIMINATOR];
  if (model->info.tap == CBIGAN_TAP_FIRST) {
    network = self->first_tap = cbigan_network_new_first_tap(model->info.width, model->info.patch);
    self->tap_value = network->output;
  } else {
    self->tap_value = cbigan_network_find_value(network, "discriminator.hidden");
  }
  /* D's path from z is the same for x and for G(E(x)), so the second run reuses the first one's values. */
  const int keep[] = { self->first_tap ? -1 : cbigan_network_find_value(network, "discriminator.latent2"), -1 };
  gsize n = cbigan_shape_size(network->values[self->tap_value].shape) * (gsize)self->batch;
  int n_layers = cbigan_network_layers_until(network, self->tap_value);
  if (self->first_tap && !(self->difference = cbigan_backend_alloc(
                               self->backend, cbigan_shape_size(self->image) * (gsize)self->batch, error)))
    return FALSE;
  return (self->tap = open_network(self, model, network, n_layers, keep, self->like ? self->like->tap : NULL, error)) &&
         (self->tap_x = cbigan_backend_alloc(self->backend, n, error)) &&
         (self->tap_r = cbigan_backend_alloc(self->backend, n, error));
}

static gboolean
open_trunk(CbiganModelNetworks *self, const CbiganModel *model, GError **error)
{
  const CbiganNetwork *d = model->networks[CBIGAN_DISCRIMINATOR];
  CbiganCritic *critic = &self->critic;
  int keep[CBIGAN_MAX_FEATURES + 1], n_layers = 0;
  critic->grid = model->info.critic_grid;
  critic->batch = self->batch;
  for (int block = 0; block < CBIGAN_MAX_FEATURES; block++) {
    if (!(model->info.critic_blocks & 1u << block))
      continue;
    int value = cbigan_network_block_output(d, block);
    CbiganShape shape = d->values[value].shape;
    cbigan_resampler_init(&critic->resamplers[critic->n], shape.w, critic->grid);
    critic->shapes[critic->n] = shape;
    critic->values[critic->n] = keep[critic->n] = value;
    critic->n++;
    critic->channels += shape.c;
    n_layers = MAX(n_layers, cbigan_network_layers_until(d, value));
  }
  keep[critic->n] = -1;
  self->host = cbigan_try_new(float, (gsize)critic->channels *(gsize)critic->grid *(gsize)critic->grid, error);
  return self->host && (self->trunk = open_network(self, model, d, n_layers, keep,
                                                   self->like ? self->like->trunk : NULL, error)) != NULL;
}

CbiganModelNetworks *
cbigan_model_networks_new(const CbiganModel *model, CbiganBackend *backend, guint needs, int batch,
                          const CbiganModelNetworks *like, GError **error)
{
  g_autoptr(CbiganModelNetworks) self = g_new0(CbiganModelNetworks, 1);
  *self = (CbiganModelNetworks){
    .backend = backend, .batch = batch, .like = like, .image = { 3, model->info.patch, model->info.patch }
  };
  if (!(self->x = cbigan_backend_alloc(self->backend, cbigan_shape_size(self->image) * (gsize)batch, error)) ||
      ((needs & (CBIGAN_NEEDS_TERMS | CBIGAN_NEEDS_DIFFERENCE)) && !open_reconstruction(self, model, error)) ||
      ((needs & CBIGAN_NEEDS_TERMS) && !open_tap(self, model, error)) ||
      ((needs & CBIGAN_NEEDS_FEATURES) && !open_trunk(self, model, error)))
    return NULL;
  return cbigan_backend_finish(backend, error) ? g_steal_pointer(&self) : NULL;
}

gboolean
cbigan_model_networks_set_good(CbiganModelNetworks *self, const CbiganCriticStatistics *good, GError **error)
{
  cbigan_backend_critic_clear(self->backend, &self->critic);
  self->critic.good = good;
  return cbigan_backend_critic_init(self->backend, &self->critic, error);
}

void
cbigan_model_networks_free(CbiganModelNetworks *self)
{
  if (!self)
    return;
  CbiganForward *const forwards[] = { self->encoder, self->generator, self->tap, self->trunk };
  float *const device[] = {
    self->x, self->difference, self->tap_x, self->tap_r, self->parameters[0], self->parameters[1], self->parameters[2]
  };
  for (guint i = 0; i < G_N_ELEMENTS(forwards); i++)
    cbigan_forward_free(forwards[i]);
  for (guint i = 0; i < G_N_ELEMENTS(device); i++)
    cbigan_backend_free(self->backend, device[i]);
  cbigan_backend_critic_clear(self->backend, &self->critic);
  for (int i = 0; i < self->critic.n; i++)
    cbigan_resampler_clear(&self->critic.resamplers[i]);
  cbigan_network_free(self->first_tap);
  g_free(self->host);
  g_free(self);
}

void
cbigan_model_networks_reconstruct(CbiganModelNetworks *self)
{
  CbiganForward *e = self->encoder, *g = self->generator;
  e->values[0] = self->x;
  self->z = e->values[e->network->output];
  cbigan_forward_run(e);
  g->values[0] = self->z;
  self->r = g->values[g->network->output];
  cbigan_forward_run(g);
}

/* For f_D(image, z) -> out */
static void
set_tap(CbiganModelNetworks *self, float *image, float *out)
{
  self->tap->values[0] = image;
  if (self->tap->network->n_inputs > 1)
    self->tap->values[1] = self->z;
  self->tap->values[self->tap_value] = out;
}

/* The first tap is linear, so f_D(x) - f_D(r) is one convolution, f_D(x - r); tap_r stays zero then. */
void
cbigan_model_networks_terms(CbiganModelNetworks *self, int n, float *difference, double *l_r, double *l_fd)
{
  const gsize tap = cbigan_shape_size(self->tap->network->values[self->tap_value].shape);
  float *d = difference ? difference : self->difference;
  cbigan_backend_difference(self->backend, n, cbigan_shape_size(self->image), self->x, self->r, d, l_r);
  set_tap(self, self->first_tap ? d : self->x, self->tap_x);
  cbigan_forward_run(self->tap);
  if (!self->first_tap) {
    set_tap(self, self->r, self->tap_r);
    cbigan_forward_run_again(self->tap, 0);
  }
  cbigan_backend_difference(self->backend, n, tap, self->tap_x, self->tap_r, NULL, l_fd);
}

void
cbigan_model_networks_difference(CbiganModelNetworks *self, int n, float *difference)
{
  cbigan_backend_difference(self->backend, n, cbigan_shape_size(self->image), self->x, self->r, difference, NULL);
}

void
cbigan_model_networks_distances(CbiganModelNetworks *self, int n, float *distances, float *peaks)
{
  self->trunk->values[0] = self->x;
  cbigan_forward_run(self->trunk);
  cbigan_backend_distances(self->backend, &self->critic, self->trunk->values, n, distances, peaks);
}

void
cbigan_model_networks_features(CbiganModelNetworks *self, int n, float *out)
{
  const gsize channels = (gsize)self->critic.channels, positions = (gsize)(self->critic.grid * self->critic.grid);
  const CbiganShape shape = { self->critic.channels, self->critic.grid, self->critic.grid };
  cbigan_model_networks_distances(self, n, NULL, NULL);
  for (int i = 0; i < n; i++, out += positions * channels) {
    cbigan_backend_download(self->backend, shape, 1, self->critic.features + (gsize)i * positions * channels,
                            self->host);
    for (gsize c = 0; c < channels; c++)
      for (gsize p = 0; p < positions; p++)
        out[p * channels + c] = self->host[c * positions + p];
  }
}
