/* conv3.c - 3x3 convolutions by own kernels, forward and backward, values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where both sides have enough channels by Winograd's minimal filtering (channels.c), else directly (narrow.h). Threads
 * share the tiles or strips of rows. Each has its own sums of the filters' gradient, which are added in the threads'
 * order, so equal inputs and thread counts give equal bits.
 */
#include "conv3.h"

#include <omp.h>
#include <stdlib.h>

/* Channels on both sides; with fewer the transforms cost more than they save. */
#define FEWEST 8

struct _CbiganCpuConv3 {
  CbiganCpu *backend;
  const CbiganLayer *layer;
  const CbiganChannels *channels;
  gboolean narrow;
  CbiganTiling forward, backward; /* backward: from the output's gradient to the input's */
  float *weights, *turned;        /* of the two; NULL = not wanted */
  gsize scratch_floats;           /* of a thread: in the backend's scratchpad, before all threads' sums */
};

/* The widest kernels whose vectors are filled; NULL: none. */
static const CbiganChannels *
choose(const CbiganCpu *backend, const CbiganLayer *l, gboolean narrow)
{
  if (!backend->isa || l->kernel != 3 || l->accumulate || l->bias != CBIGAN_NO_OFFSET || l->activation == CBIGAN_TANH ||
      l->out.h % (narrow ? CBIGAN_NARROW_STRIP : 2) || l->out.w % 2)
    return NULL;
  const CbiganChannels *const *c = backend->isa->channels;
  while (*c && (narrow ? l->out.w % (*c)->vector != 0 : (*c)->vector > MAX(FEWEST, MIN(l->in.c, l->out.c))))
    c++;
  return *c;
}

static gsize
weights_floats(const CbiganCpuConv3 *self, const CbiganTiling *t)
{
  return self->narrow ? cbigan_narrow_weights(t) : cbigan_tiling_weights(t, self->channels->vector);
}

static gsize
sums_floats(const CbiganCpuConv3 *self)
{
  int vector = self->channels->vector;
  return self->narrow ? cbigan_narrow_sums(&self->forward, vector) : cbigan_tiling_weights(&self->forward, vector);
}

static gsize
scratch_floats(const CbiganCpuConv3 *self, const CbiganTiling *t)
{
  int vector = self->channels->vector;
  return self->narrow ? cbigan_narrow_scratch(t, vector) : cbigan_tiling_scratch(t, vector);
}

static int
count_items(const CbiganCpuConv3 *self, const CbiganTiling *t)
{
  return self->narrow ? cbigan_narrow_count(t) : cbigan_tiling_count(t);
}

/* Bytes of the scratchpad, for `uses`. */
static gsize
scratch_size(CbiganCpuConv3 *self, CbiganCpuConv3Uses uses)
{
  gsize threads = (gsize)self->backend->base.threads;
  self->scratch_floats = MAX(scratch_floats(self, &self->forward), scratch_floats(self, &self->backward));
  gsize sums = uses & CBIGAN_CPU_CONV3_WEIGHTS ? sums_floats(self) : 0;
  return threads * (self->scratch_floats + sums) * sizeof(float);
}

/* Small maps of many channels have fewer numbers than the filters, whose transforms then cost more than they save. */
static gboolean
worth_filtering(const CbiganTiling *t)
{
  return cbigan_tiling_count(t) * (t->inputs + t->outputs) > t->inputs * t->outputs;
}

CbiganCpuConv3 *
cbigan_cpu_conv3_new(CbiganCpu *backend, const CbiganLayer *l, int batch, CbiganCpuConv3Uses uses)
{
  gboolean narrow = MIN(l->in.c, l->out.c) < FEWEST;
  const CbiganChannels *channels = l->kind == CBIGAN_CONV2D ? choose(backend, l, narrow) : NULL;
  if (!channels)
    return NULL;
  int side = l->out.w % 4 || l->out.h % 4 ? 2 : 4;
  const CbiganTiling tiling = { batch, l->out.h, l->out.w, l->in.c, l->out.c, side };
  if (!narrow && !worth_filtering(&tiling))
    return NULL;
  CbiganCpuConv3 *self = g_new0(CbiganCpuConv3, 1);
  *self = (CbiganCpuConv3){ .backend = backend,
                            .layer = l,
                            .channels = channels,
                            .narrow = narrow,
                            .forward = tiling,
                            .backward = { batch, l->out.h, l->out.w, l->out.c, l->in.c, side } };
  gboolean ok = cbigan_cpu_grow_scratchpad(backend, scratch_size(self, uses));
  if (uses & CBIGAN_CPU_CONV3_FORWARD)
    ok &= !!(self->weights = cbigan_cpu_memory(weights_floats(self, &self->forward) * sizeof(float)));
  if (uses & CBIGAN_CPU_CONV3_DATA)
    ok &= !!(self->turned = cbigan_cpu_memory(weights_floats(self, &self->backward) * sizeof(float)));
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
  if (self->narrow) {
    self->channels->narrow_pack(t, order, parameters + l->weight, weights);
    return;
  }
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
  const int count = count_items(self, t), threads = self->backend->base.threads;
  const int chunk = MIN(self->narrow ? 4 : cbigan_tiling_chunk(t), (count + threads - 1) / threads);
  void (*const run)(const CbiganTiling *, const float *, const float *, float, gboolean, int, int, float *, float *) =
      self->narrow ? self->channels->narrow_convolve : self->channels->convolve;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int first = 0; first < count; first += chunk)
    run(t, weights, x, slope, accumulate, first, MIN(chunk, count - first), y,
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
  const CbiganChannels *channels = self->channels;
  const int threads = self->backend->base.threads, vector = channels->vector;
  const int count = count_items(self, t), share = (count + threads - 1) / threads;
  const int parts = (count + share - 1) / share, n = vectors(self, t->outputs);
  const gsize size = sums_floats(self);
  void (*const correlate)(const CbiganTiling *, const float *, const float *, int, int, float *, float *) =
      self->narrow ? channels->narrow_correlate : channels->correlate;
  float *sums = scratch_of_thread(self, threads);
#pragma omp parallel num_threads(threads)
  {
#pragma omp for
    for (int part = 0; part < parts; part++)
      correlate(t, x, dy, part * share, MIN(share, count - part * share), sums + (gsize)part * size,
                scratch_of_thread(self, omp_get_thread_num()));
#pragma omp for
    for (int i = 0; i < (self->narrow ? 0 : n); i++)
      channels->unpack(t, l->weight_stride, sums, parts, size, i * vector, MIN(vector, t->outputs - i * vector),
                       gradients + l->weight);
  }
  if (self->narrow)
    channels->narrow_unpack(t, l->weight_stride, sums, parts, size, gradients + l->weight);
}
