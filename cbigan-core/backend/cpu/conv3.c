/* conv3.c - 3x3 convolutions by Winograd's minimal filtering, forward and backward, values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Threads share the tiles. Each has its own sums of the filters' gradient, which are added in the threads' order, so
 * equal inputs and thread counts give equal bits.
 */
#include "conv3.h"

#include <omp.h>
#include <stdlib.h>

/* Channels on both sides; with fewer the transforms cost more than they save. Of outputs half as many will do where
 * only the forward pass is wanted: oneDNN's takes more than twice as long for 8 -> 4 as for 4 -> 4. */
#define FEWEST 8

struct _CbiganCpuConv3 {
  CbiganCpu *backend;
  const CbiganLayer *layer;
  const CbiganChannels *channels;
  CbiganTiling forward, backward; /* backward: from the output's gradient to the input's */
  float *weights, *turned;        /* of the two; NULL = not wanted */
  gsize scratch_floats;           /* of a thread: in the backend's scratchpad, before all threads' sums */
};

/* The kernels for so many channels; NULL: none, oneDNN's are better. */
static const CbiganChannels *
choose(const CbiganCpu *backend, const CbiganLayer *l, CbiganCpuConv3Uses uses)
{
  int fewest = MIN(l->in.c, uses == CBIGAN_CPU_CONV3_FORWARD ? 2 * l->out.c : l->out.c);
  if (!backend->isa || l->kernel != 3 || fewest < FEWEST || l->accumulate || l->bias != CBIGAN_NO_OFFSET ||
      l->activation == CBIGAN_TANH || l->out.h % 2 || l->out.w % 2)
    return NULL;
  const CbiganChannels *const *c = backend->isa->channels;
  while (*c && (*c)->vector > MAX(FEWEST, MIN(l->in.c, l->out.c)))
    c++;
  return *c;
}

/* Bytes of the scratchpad, for `uses`. */
static gsize
scratch_size(CbiganCpuConv3 *self, CbiganCpuConv3Uses uses)
{
  int vector = self->channels->vector;
  gsize threads = (gsize)self->backend->base.threads;
  gsize forward = cbigan_tiling_scratch(&self->forward, vector),
        backward = cbigan_tiling_scratch(&self->backward, vector);
  self->scratch_floats = MAX(forward, backward);
  gsize sums = uses & CBIGAN_CPU_CONV3_WEIGHTS ? cbigan_tiling_weights(&self->forward, vector) : 0;
  return threads * (self->scratch_floats + sums) * sizeof(float);
}

CbiganCpuConv3 *
cbigan_cpu_conv3_new(CbiganCpu *backend, const CbiganLayer *l, int batch, CbiganCpuConv3Uses uses)
{
  const CbiganChannels *channels = choose(backend, l, uses);
  if (!channels)
    return NULL;
  CbiganCpuConv3 *self = g_new0(CbiganCpuConv3, 1);
  int side = l->out.w % 4 || l->out.h % 4 ? 2 : 4;
  *self = (CbiganCpuConv3){ .backend = backend,
                            .layer = l,
                            .channels = channels,
                            .forward = { batch, l->out.h, l->out.w, l->in.c, l->out.c, side },
                            .backward = { batch, l->out.h, l->out.w, l->out.c, l->in.c, side } };
  gboolean ok = cbigan_cpu_grow_scratchpad(backend, scratch_size(self, uses));
  if (uses & CBIGAN_CPU_CONV3_FORWARD)
    ok &=
        !!(self->weights = cbigan_cpu_memory(cbigan_tiling_weights(&self->forward, channels->vector) * sizeof(float)));
  if (uses & CBIGAN_CPU_CONV3_DATA)
    ok &=
        !!(self->turned = cbigan_cpu_memory(cbigan_tiling_weights(&self->backward, channels->vector) * sizeof(float)));
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
  g_free(self);
}

/* Vectors of outputs: what threads share where filters are transformed. */
static int
vectors(const CbiganCpuConv3 *self, int outputs)
{
  return cbigan_tiling_padded(outputs, self->channels->vector) / self->channels->vector;
}

static void
pack(const CbiganCpuConv3 *self, const CbiganTiling *t, gboolean turned, const float *parameters, float *weights)
{
  const CbiganLayer *l = self->layer;
  const CbiganFilters order = { l->weight_stride, turned };
  int n = vectors(self, t->outputs), vector = self->channels->vector;
#pragma omp parallel for num_threads(self->backend->base.threads) if (t->inputs * t->outputs > 1024)
  for (int i = 0; i < n; i++)
    self->channels->pack(t, order, parameters + l->weight, i * vector, MIN(vector, t->outputs - i * vector), weights);
}

void
cbigan_cpu_conv3_load(CbiganCpuConv3 *self, const float *parameters)
{
  if (self->weights)
    pack(self, &self->forward, FALSE, parameters, self->weights);
  if (self->turned)
    pack(self, &self->backward, TRUE, parameters, self->turned);
}

static float *
scratch_of_thread(const CbiganCpuConv3 *self, int thread)
{
  return self->backend->scratchpad + (gsize)thread * self->scratch_floats;
}

/* A thread takes the next tiles when it is done with some: another program may hold one of them up. */
static void
convolve(CbiganCpuConv3 *self, const CbiganTiling *t, const float *weights, const float *x, float slope,
         gboolean accumulate, float *y)
{
  const int count = cbigan_tiling_count(t), threads = self->backend->base.threads;
  const int chunk = MIN(cbigan_tiling_chunk(t), (count + threads - 1) / threads);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int first = 0; first < count; first += chunk)
    self->channels->convolve(t, weights, x, slope, accumulate, first, MIN(chunk, count - first), y,
                             scratch_of_thread(self, omp_get_thread_num()));
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
  const int threads = self->backend->base.threads, vector = self->channels->vector, n = vectors(self, t->outputs);
  const int count = cbigan_tiling_count(t), share = (count + threads - 1) / threads;
  const int parts = (count + share - 1) / share;
  const gsize size = cbigan_tiling_weights(t, vector);
  float *sums = scratch_of_thread(self, threads);
#pragma omp parallel num_threads(threads)
  {
#pragma omp for
    for (int part = 0; part < parts; part++)
      self->channels->correlate(t, x, dy, part * share, MIN(share, count - part * share), sums + (gsize)part * size,
                                scratch_of_thread(self, omp_get_thread_num()));
#pragma omp for
    for (int i = 0; i < n; i++)
      self->channels->unpack(t, l->weight_stride, sums, parts, size, i * vector, MIN(vector, t->outputs - i * vector),
                             gradients + l->weight);
  }
}
