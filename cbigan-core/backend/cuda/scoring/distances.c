/* distances.c - distances of the critic's map from good pictures, as a scoring pass sees them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Statistics, resamplers and columns lie in one allocation.
 */
#include "backend/cuda/memory.h"
#include "backend/cuda/operations.h"

/* One value of the network on its way to the grid */
typedef struct {
  int value;
  CbiganShape shape;
  int taps;
  const int *first;     /* (grid) */
  const float *weights; /* (grid, taps) */
} Part;

typedef struct {
  CbiganDistances base;
  CbiganCuda *cuda;
  int batch, grid, channels, n_parts;
  gboolean apart; /* statistics are each position's own */
  Part parts[CBIGAN_MAX_FEATURES];
  float *memory; /* of all that follows */
  float *mean;
  float *whitening; /* transposed */
  float *columns;   /* (batch, channels, grid, grid) */
} Distances;

static int
positions(const Distances *self)
{
  return self->grid * self->grid;
}

static void
distances_free(CbiganDistances *base)
{
  Distances *self = (Distances *)base;
  cbigan_cuda_enter(self->cuda);
  if (self->memory)
    cbigan_cuda_free(&self->cuda->base, self->memory);
  g_free(self);
}

static void
distances_run(CbiganDistances *base, float *const *values, int n, float *distances)
{
  Distances *self = (Distances *)base;
  cudaStream_t stream = self->cuda->stream;
  int at = 0;
  cbigan_cuda_enter(self->cuda);
  for (int i = 0; i < self->n_parts; i++) {
    const Part *part = &self->parts[i];
    CBIGAN_CUDA_TRY(self->cuda,
                    cbigan_cuda_launch_features(n, part->shape.c, part->shape.w, values[part->value], self->grid,
                                                part->taps, part->first, part->weights, at, self->channels, self->mean,
                                                self->apart, self->columns, stream));
    at += part->shape.c;
  }
  CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_distances(n, self->channels, positions(self), self->columns,
                                                           self->whitening, self->apart, distances, stream));
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

/* Floats from 16 bytes' multiple on, so that the next one is aligned too; memory: NULL at first. */
static float *
take(const Distances *self, gsize *at, gsize n_floats)
{
  float *here = self->memory ? self->memory + *at : NULL;
  *at += (n_floats + 3) / 4 * 4;
  return here;
}

/* Sets all pointers into the memory; returns the floats that it must have. */
static gsize
lay_out(Distances *self)
{
  const gsize grid = (gsize)self->grid, channels = (gsize)self->channels;
  const gsize own = self->apart ? (gsize)positions(self) : 1;
  gsize at = 0;
  self->mean = take(self, &at, own * channels);
  self->whitening = take(self, &at, own * channels * channels);
  self->columns = take(self, &at, (gsize)self->batch * channels * (gsize)positions(self));
  for (int i = 0; i < self->n_parts; i++) {
    self->parts[i].first = (const int *)(gconstpointer)take(self, &at, grid);
    self->parts[i].weights = take(self, &at, grid * (gsize)self->parts[i].taps);
  }
  return at;
}

static void
upload(Distances *self, const void *host, gsize n_floats, const void *to)
{
  G_STATIC_ASSERT(sizeof(int) == sizeof(float));
  cbigan_cuda_upload(&self->cuda->base, (CbiganShape){ (int)n_floats, 1, 1 }, 1, host, (float *)(gpointer)to);
}

static void
upload_all(Distances *self, const CbiganFeatures *features, const CbiganCriticStatistics *good)
{
  const gsize channels = (gsize)self->channels, square = channels * channels, grid = (gsize)self->grid;
  g_autofree float *transposed = g_new(float, square);
  for (int i = 0; i < self->n_parts; i++) {
    upload(self, features->resamplers[i].first, grid, self->parts[i].first);
    upload(self, features->resamplers[i].weight, grid * (gsize)self->parts[i].taps, self->parts[i].weights);
  }
  for (gsize p = 0; p < (gsize)good->positions; p++) {
    const float *w = good->whitening + p * square;
    for (gsize i = 0; i < square; i++)
      transposed[i % channels * channels + i / channels] = w[i];
    upload(self, good->mean + p * channels, channels, self->mean + p * channels);
    upload(self, transposed, square, self->whitening + p * square);
  }
}

CbiganDistances *
cbigan_cuda_distances(CbiganBackend *base, const CbiganNetwork *network, const CbiganFeatures *features,
                      const CbiganCriticStatistics *good, int batch)
{
  CbiganCuda *cuda = (CbiganCuda *)base;
  if (base->failure) /* whoever opens the pass reports it */
    return NULL;
  Distances *self = g_new0(Distances, 1);
  *self = (Distances){ .base = { distances_run, distances_free },
                       .cuda = cuda,
                       .batch = batch,
                       .grid = features->grid,
                       .channels = good->channels,
                       .n_parts = features->n,
                       .apart = good->positions > 1 };
  for (int i = 0; i < features->n; i++)
    self->parts[i] = (Part){ .value = features->values[i],
                             .shape = network->values[features->values[i]].shape,
                             .taps = features->resamplers[i].taps };
  if ((self->memory = cbigan_cuda_alloc(base, lay_out(self)))) {
    lay_out(self);
    upload_all(self, features, good);
    return &self->base;
  }
  distances_free(&self->base);
  return NULL;
}
