/* model_networks.c - the networks of a model, opened on a backend for a batch of patches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Networks hand their buffers to each other: the values that one reads are set to where the other wrote.
 */
#include "model_networks.h"

#include "filter.h"

static CbiganForward *
open_network(CbiganPasses *self, const CbiganModel *model, const CbiganNetwork *network, int n_layers, const int *keep,
             GError **error)
{
  float **parameters = &self->parameters[network->kind];
  if (!*parameters) {
    if (!(*parameters = cbigan_backend_alloc(self->backend, network->n_floats, error)))
      return NULL;
    cbigan_backend_upload(self->backend, (CbiganShape){ (int)network->n_floats, 1, 1 }, 1,
                          model->parameters[network->kind], *parameters);
  }
  return cbigan_forward_new(self->backend, network, n_layers, self->batch, CBIGAN_FORWARD_FUSE, keep, *parameters,
                            error);
}

static gboolean
open_reconstruction(CbiganPasses *self, const CbiganModel *model, GError **error)
{
  const CbiganNetwork *e = model->networks[CBIGAN_ENCODER], *g = model->networks[CBIGAN_GENERATOR];
  return (self->encoder = open_network(self, model, e, e->n_layers, NULL, error)) &&
         (self->generator = open_network(self, model, g, g->n_layers, NULL, error));
}

static gboolean
open_tap(CbiganPasses *self, const CbiganModel *model, GError **error)
{
  const CbiganNetwork *network = model->networks[CBIGAN_DISCRIMINATOR];
  if (model->info.tap == CBIGAN_TAP_FIRST) {
    network = self->first_tap = cbigan_network_new_first_tap(model->info.width, model->info.patch);
    self->tap_value = network->output;
  } else {
    self->tap_value = cbigan_network_find_value(network, "discriminator.hidden");
  }
  /* D's path from z is the same for x and for G(E(x)): kept from the first to the second. */
  const int keep[] = { self->first_tap ? -1 : cbigan_network_find_value(network, "discriminator.latent2"), -1 };
  gsize n = cbigan_shape_size(network->values[self->tap_value].shape) * (gsize)self->batch;
  int n_layers = cbigan_network_layers_until(network, self->tap_value);
  if (self->first_tap && !(self->difference = cbigan_backend_alloc(
                               self->backend, cbigan_shape_size(self->image) * (gsize)self->batch, error)))
    return FALSE;
  return (self->tap = open_network(self, model, network, n_layers, keep, error)) &&
         (self->tap_x = cbigan_backend_alloc(self->backend, n, error)) &&
         (self->tap_r = cbigan_backend_alloc(self->backend, n, error));
}

static gboolean
open_trunk(CbiganPasses *self, const CbiganModel *model, const CbiganCriticStatistics *good, GError **error)
{
  const CbiganNetwork *d = model->networks[CBIGAN_DISCRIMINATOR];
  CbiganFeatures *features = &self->features;
  int keep[CBIGAN_MAX_FEATURES + 1], n_layers = 0;
  features->grid = self->grid;
  for (int block = 0; block < CBIGAN_MAX_FEATURES; block++) {
    if (!(model->info.critic_blocks & 1u << block))
      continue;
    int value = cbigan_network_block_output(d, block);
    CbiganShape shape = d->values[value].shape;
    cbigan_resampler_init(&features->resamplers[features->n], shape.w, self->grid);
    features->values[features->n] = keep[features->n] = value;
    features->n++;
    self->channels += shape.c;
    n_layers = MAX(n_layers, cbigan_network_layers_until(d, value));
  }
  keep[features->n] = -1;
  if (!(self->trunk = open_network(self, model, d, n_layers, keep, error)))
    return FALSE;
  if (good)
    self->distances = cbigan_backend_distances(self->backend, d, features, good, self->batch);
  return TRUE;
}

CbiganPasses *
cbigan_passes_new(const CbiganModel *model, CbiganBackend *backend, guint needs, const CbiganCriticStatistics *good,
                  int batch, GError **error)
{
  g_autoptr(CbiganPasses) self = g_new0(CbiganPasses, 1);
  *self = (CbiganPasses){ .backend = backend,
                          .batch = batch,
                          .grid = model->info.critic_grid,
                          .image = { 3, model->info.patch, model->info.patch } };
  gsize largest = cbigan_shape_size(self->image);
  if (!(self->x = cbigan_backend_alloc(self->backend, largest * (gsize)batch, error)) ||
      ((needs & (CBIGAN_NEEDS_TERMS | CBIGAN_NEEDS_DIFFERENCE)) && !open_reconstruction(self, model, error)) ||
      ((needs & CBIGAN_NEEDS_TERMS) && !open_tap(self, model, error)) ||
      ((needs & CBIGAN_NEEDS_FEATURES) && !open_trunk(self, model, good, error)))
    return NULL;
  for (int i = 0; i < self->features.n; i++)
    largest = MAX(largest, cbigan_shape_size(self->trunk->network->values[self->features.values[i]].shape));
  self->host = g_new(float, largest *(gsize)batch);
  return cbigan_backend_finish(backend, error) ? g_steal_pointer(&self) : NULL;
}

void
cbigan_passes_free(CbiganPasses *self)
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
  if (self->distances)
    self->distances->free(self->distances);
  for (int i = 0; i < self->features.n; i++)
    cbigan_resampler_clear(&self->features.resamplers[i]);
  cbigan_network_free(self->first_tap);
  g_free(self->host);
  g_free(self);
}

void
cbigan_passes_reconstruct(CbiganPasses *self)
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
set_tap(CbiganPasses *self, float *image, float *out)
{
  self->tap->values[0] = image;
  if (self->tap->network->n_inputs > 1)
    self->tap->values[1] = self->z;
  self->tap->values[self->tap_value] = out;
}

/* The first tap is linear, so f_D(x) - f_D(r) is one convolution, f_D(x - r); tap_r stays zero then. */
void
cbigan_passes_terms(CbiganPasses *self, int n, double *l_r, double *l_fd)
{
  cbigan_backend_l1(self->backend, n, cbigan_shape_size(self->image), self->x, self->r, self->difference, l_r);
  set_tap(self, self->difference ? self->difference : self->x, self->tap_x);
  cbigan_forward_run(self->tap);
  if (!self->difference) {
    set_tap(self, self->r, self->tap_r);
    cbigan_forward_run_again(self->tap, 0);
  }
  cbigan_backend_l1(self->backend, n, cbigan_shape_size(self->tap->network->values[self->tap_value].shape), self->tap_x,
                    self->tap_r, NULL, l_fd);
}

void
cbigan_passes_images(CbiganPasses *self, int first, int n, float *images)
{
  gsize size = cbigan_shape_size(self->image);
  cbigan_backend_download(self->backend, self->image, n, self->r + (gsize)first * size, images);
}

void
cbigan_passes_subtract(CbiganPasses *self, int first, int n, float *to)
{
  gsize size = cbigan_shape_size(self->image);
  cbigan_backend_subtract(self->backend, (gsize)n * size, self->x + (gsize)first * size, self->r + (gsize)first * size,
                          to);
}

typedef struct {
  const CbiganPasses *self;
  const CbiganResampler *resampler;
  CbiganShape shape;
  int channel; /* of the map, of the block's first one */
  float *const *out;
} Resampling;

static void
resample_planes(gpointer data, int first, int end) /* of all samples */
{
  const Resampling *r = data;
  gsize pixels = (gsize)r->shape.h * r->shape.w;
  float scratch[r->self->grid * r->shape.w];
  for (int i = first; i < end; i++)
    cbigan_resampler_run(r->resampler, r->self->host + (gsize)i * pixels, scratch,
                         r->out[i / r->shape.c] + r->channel + i % r->shape.c, r->self->channels);
}

static void
run_trunk(CbiganPasses *self)
{
  self->trunk->values[0] = self->x;
  cbigan_forward_run(self->trunk);
}

void
cbigan_passes_features(CbiganPasses *self, int n, float *const *out)
{
  const CbiganFeatures *features = &self->features;
  int channel = 0;
  run_trunk(self);
  for (int i = 0; i < features->n; i++) {
    int value = features->values[i];
    CbiganShape shape = self->trunk->network->values[value].shape;
    Resampling resampling = { self, &features->resamplers[i], shape, channel, out };
    cbigan_backend_download(self->backend, shape, n, self->trunk->values[value], self->host);
    cbigan_backend_each(self->backend, n * shape.c, (gsize)n * cbigan_shape_size(shape), resample_planes, &resampling);
    channel += shape.c;
  }
}

void
cbigan_passes_distances(CbiganPasses *self, int n, float *to)
{
  run_trunk(self);
  self->distances->run(self->distances, self->trunk->values, n, to);
}
