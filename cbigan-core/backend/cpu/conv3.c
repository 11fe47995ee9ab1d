/* conv3.c - 3x3 convolutions by Winograd's minimal filtering, forward and backward, values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Threads share the tiles. Each has its own sums of the weights' gradient, which are added in the threads' order, so equal
 * inputs and thread counts give equal bits.
 */
#include "conv3.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "filter_transform.h"

struct _CbiganCpuConv3 {
  CbiganCpu *backend;
  const CbiganLayer *layer;
  const CbiganChannels *channels;
  CbiganTiling forward, backward; /* backward: from the output's gradient to the input's */
  float *weights, *turned;        /* of the two; NULL = not wanted */
  float *sums;                    /* (threads, positions, inputs, padded outputs); NULL = not wanted */
  float *scratch;                 /* (threads, scratch_floats); the zeros in it stay */
  gsize scratch_floats, sums_floats;
};

/* The kernels for so many channels; NULL: none, oneDNN's are better. */
static const CbiganChannels *
choose(const CbiganCpu *backend, const CbiganLayer *l)
{
  if (!backend->isa || l->kernel != 3 || l->accumulate || l->bias != CBIGAN_NO_OFFSET ||
      l->activation == CBIGAN_TANH || l->out.h % 2 || l->out.w % 2)
    return NULL;
  for (const CbiganChannels *const *c = backend->isa->channels; *c; c++)
    if ((*c)->vector <= MIN(l->in.c, l->out.c))
      return *c;
  return NULL;
}

static gsize
weight_floats(const CbiganCpuConv3 *self, const CbiganTiling *t)
{
  return (gsize)cbigan_tiling_positions(t) * (gsize)t->inputs *
         (gsize)cbigan_tiling_padded(t->outputs, self->channels->vector);
}

CbiganCpuConv3 *
cbigan_cpu_conv3_new(CbiganCpu *backend, const CbiganLayer *l, int batch, CbiganCpuConv3Uses uses)
{
  const CbiganChannels *channels = choose(backend, l);
  if (!channels)
    return NULL;
  CbiganCpuConv3 *self = g_new0(CbiganCpuConv3, 1);
  int side = l->out.w % 4 || l->out.h % 4 ? 2 : 4, threads = backend->base.threads;
  *self = (CbiganCpuConv3){ .backend = backend,
                            .layer = l,
                            .channels = channels,
                            .forward = { batch, l->out.h, l->out.w, l->in.c, l->out.c, side },
                            .backward = { batch, l->out.h, l->out.w, l->out.c, l->in.c, side } };
  gsize floats[] = { cbigan_tiling_scratch(&self->forward, channels->vector),
                     cbigan_tiling_scratch(&self->backward, channels->vector) };
  self->scratch_floats = MAX(floats[0], floats[1]);
  self->sums_floats = weight_floats(self, &self->forward);
  self->scratch = cbigan_cpu_memory((gsize)threads * self->scratch_floats * sizeof(float));
  gboolean ok = self->scratch != NULL;
  if (uses & CBIGAN_CPU_CONV3_FORWARD)
    ok &= (self->weights = cbigan_cpu_memory(weight_floats(self, &self->forward) * sizeof(float))) != NULL;
  if (uses & CBIGAN_CPU_CONV3_DATA)
    ok &= (self->turned = cbigan_cpu_memory(weight_floats(self, &self->backward) * sizeof(float))) != NULL;
  if (uses & CBIGAN_CPU_CONV3_WEIGHTS)
    ok &= (self->sums = cbigan_cpu_memory((gsize)threads * self->sums_floats * sizeof(float))) != NULL;
  if (ok)
    return self;
  cbigan_cpu_conv3_free(self);
  return NULL;
}

void
cbigan_cpu_conv3_free(CbiganCpuConv3 *self)
{
  if (!self)
    return;
  free(self->weights);
  free(self->turned);
  free(self->sums);
  free(self->scratch);
  g_free(self);
}

/* U of every filter. turned: rotated by half a turn, inputs and outputs swapped, as the data gradient needs it. */
static void
pack(const CbiganCpuConv3 *self, const CbiganTiling *t, gboolean turned, const float *parameters, float *weights)
{
  const CbiganLayer *l = self->layer;
  int vector = self->channels->vector, padded = cbigan_tiling_padded(t->outputs, vector);
  gsize size = (gsize)(t->inputs * padded);
#pragma omp parallel for num_threads(self->backend->base.threads) if (size > 1024)
  for (int o = 0; o < t->outputs; o++) {
    int first = o / (2 * vector) * 2 * vector, block = cbigan_tiling_block(padded, vector, first);
    for (int i = 0; i < t->inputs; i++) {
      const float *g = parameters + l->weight + (gsize)(turned ? i : o) * l->weight_stride + (gsize)(turned ? o : i) * 9;
      float turned_filter[9];
      double u[36];
      for (int k = 0; k < 9; k++)
        turned_filter[k] = g[turned ? 8 - k : k];
      cbigan_filter_transform(t->side, turned_filter, u);
      for (int position = 0; position < cbigan_tiling_positions(t); position++)
        weights[(gsize)position * size + (gsize)(first * t->inputs + i * block + o - first)] = (float)u[position];
    }
  }
}

void
cbigan_cpu_conv3_load(CbiganCpuConv3 *self, const float *parameters)
{
  if (self->weights)
    pack(self, &self->forward, FALSE, parameters, self->weights);
  if (self->turned)
    pack(self, &self->backward, TRUE, parameters, self->turned);
}

/* The calling thread's part of the tiles. */
static int
share(const CbiganTiling *t, int *n)
{
  gint64 count = cbigan_tiling_count(t), me = omp_get_thread_num(), threads = omp_get_num_threads();
  int first = (int)(count * me / threads);
  *n = (int)(count * (me + 1) / threads) - first;
  return first;
}

static float *
scratch_of_thread(const CbiganCpuConv3 *self, int thread)
{
  return self->scratch + (gsize)thread * self->scratch_floats;
}

static void
convolve(CbiganCpuConv3 *self, const CbiganTiling *t, const float *weights, const float *x, float slope,
         gboolean accumulate, float *y)
{
#pragma omp parallel num_threads(self->backend->base.threads)
  {
    int n, first = share(t, &n);
    self->channels->convolve(t, weights, x, slope, accumulate, first, n, y,
                             scratch_of_thread(self, omp_get_thread_num()));
  }
}

void
cbigan_cpu_conv3_run(CbiganCpuConv3 *self, const float *x, float *y)
{
  float slope = self->layer->activation == CBIGAN_LEAKY ? CBIGAN_LEAKY_SLOPE : 1.0f;
  convolve(self, &self->forward, self->weights, x, slope, FALSE, y);
}

void
cbigan_cpu_conv3_data(CbiganCpuConv3 *self, const float *dy, float *dx, gboolean accumulate)
{
  convolve(self, &self->backward, self->turned, dy, 1.0f, accumulate, dx);
}

void
cbigan_cpu_conv3_weights(CbiganCpuConv3 *self, const float *x, const float *dy, float *gradients)
{
  const CbiganTiling *t = &self->forward;
  const CbiganLayer *l = self->layer;
  int padded = cbigan_tiling_padded(t->outputs, self->channels->vector), used = 1;
  memset(self->sums, 0, (gsize)self->backend->base.threads * self->sums_floats * sizeof(float));
#pragma omp parallel num_threads(self->backend->base.threads)
  {
    int me = omp_get_thread_num(), n, first = share(t, &n);
#pragma omp single
    used = omp_get_num_threads();
    self->channels->correlate(t, x, dy, first, n, self->sums + (gsize)me * self->sums_floats,
                              scratch_of_thread(self, me));
#pragma omp barrier
#pragma omp for
    for (int i = 0; i < t->inputs; i++)
      for (int o = 0; o < t->outputs; o++) {
        double u[36];
        for (int position = 0; position < cbigan_tiling_positions(t); position++) {
          const float *sum = self->sums + (gsize)((position * t->inputs + i) * padded + o);
          u[position] = 0;
          for (int k = 0; k < used; k++)
            u[position] += (double)sum[(gsize)k * self->sums_floats];
        }
        cbigan_filter_gradient(t->side, u, gradients + l->weight + (gsize)o * l->weight_stride + (gsize)i * 9);
      }
  }
}
