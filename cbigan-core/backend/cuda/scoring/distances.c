/* distances.c - the critic's features, and their distances from good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Statistics and resamplers lie in one allocation. With statistics, critic->features holds features less their mean.
 */
#include "backend/cuda/memory.h"
#include "backend/cuda/operations.h"
#include "backend/cuda/scoring/peaks.h"
#include "i18n.h"

/* One value of the network, which is resampled to the grid */
typedef struct {
  int value;
  CbiganShape shape;
  int taps;
  const int *first;     /* (grid) */
  const float *weights; /* (grid, taps) */
} Part;

/* CbiganCritic.device */
typedef struct {
  CbiganCuda *cuda;
  int grid, channels, n_parts;
  gboolean apart; /* every position has statistics of its own */
  Part parts[CBIGAN_MAX_FEATURES];
  float *memory;    /* one allocation for all pointers below and in `parts` */
  float *mean;      /* zeros without statistics */
  float *whitening; /* transposed; NULL without statistics */
} Distances;

static int
positions(const Distances *self)
{
  return self->grid * self->grid;
}

static void
distances_free(CbiganBackend *base, gpointer device)
{
  Distances *self = device;
  if (self->memory)
    cbigan_cuda_free(base, self->memory);
  g_free(self);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

/* The next n_floats of the memory, which begin at a multiple of 16 bytes. NULL while there is no memory yet. */
static float *
take(const Distances *self, gsize *at, gsize n_floats)
{
  float *here = self->memory ? self->memory + *at : NULL;
  *at += (n_floats + 3) / 4 * 4;
  return here;
}

/* Sets all pointers into the memory; returns the floats that it must have. Called first with no memory, for its size.
 */
static gsize
lay_out(Distances *self)
{
  const gsize grid = (gsize)self->grid, channels = (gsize)self->channels;
  const gsize own = self->apart ? (gsize)positions(self) : 1;
  gsize at = 0;
  self->mean = take(self, &at, own * channels);
  self->whitening = take(self, &at, own * channels * channels);
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
upload_all(Distances *self, const CbiganCritic *critic)
{
  const gsize channels = (gsize)self->channels, square = channels * channels, grid = (gsize)self->grid;
  g_autofree float *transposed = g_new(float, square);
  for (int i = 0; i < self->n_parts; i++) {
    upload(self, critic->resamplers[i].first, grid, self->parts[i].first);
    upload(self, critic->resamplers[i].weight, grid * (gsize)self->parts[i].taps, self->parts[i].weights);
  }
  const CbiganCriticStatistics *good = critic->good;
  for (gsize p = 0; good && p < (gsize)good->positions; p++) {
    const float *w = good->whitening + p * square;
    for (gsize i = 0; i < square; i++)
      transposed[i % channels * channels + i / channels] = w[i];
    upload(self, good->mean + p * channels, channels, self->mean + p * channels);
    upload(self, transposed, square, self->whitening + p * square);
  }
}

static void
distances_new(CbiganCuda *cuda, CbiganCritic *critic)
{
  Distances *self = g_new0(Distances, 1);
  *self = (Distances){ .cuda = cuda,
                       .grid = critic->grid,
                       .channels = critic->channels,
                       .n_parts = critic->n,
                       .apart = critic->good && critic->good->positions > 1 };
  for (int i = 0; i < critic->n; i++)
    self->parts[i] =
        (Part){ .value = critic->values[i], .shape = critic->shapes[i], .taps = critic->resamplers[i].taps };
  critic->device = self;
  critic->free = distances_free;
  if ((self->memory = cbigan_cuda_alloc(&cuda->base, lay_out(self)))) {
    lay_out(self);
    upload_all(self, critic);
  } else {
    cbigan_backend_fail(&cuda->base, _("backend “%s”: out of memory for statistics of %d features"), "cuda",
                        critic->channels);
  }
}

void
cbigan_cuda_distances(CbiganBackend *base, CbiganCritic *critic, float *const *values, int n, float *distances,
                      float *peaks)
{
  CbiganCuda *cuda = (CbiganCuda *)base;
  const Distances *self = critic->device;
  int at = 0;
  if (!values) {
    distances_new(cuda, critic);
    return;
  }
  for (int i = 0; i < self->n_parts; i++) {
    const Part *part = &self->parts[i];
    CBIGAN_CUDA_TRY(cuda, cbigan_cuda_launch_features(n, part->shape.c, part->shape.w, values[part->value], self->grid,
                                                      part->taps, part->first, part->weights, at, self->channels,
                                                      self->mean, self->apart, critic->features, cuda->stream));
    at += part->shape.c;
  }
  if (!distances)
    return;
  CBIGAN_CUDA_TRY(cuda, cbigan_cuda_launch_distances(n, self->channels, positions(self), critic->features,
                                                     self->whitening, self->apart, distances, cuda->stream));
  cbigan_cuda_peaks(cuda, n, (gsize)positions(self), distances, peaks);
}
