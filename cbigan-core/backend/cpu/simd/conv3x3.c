/* conv3x3.c - 3x3 convolutions by own kernels, forward and backward, values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where both sides have enough channels by Winograd's minimal filtering (channels.c), else directly (narrow.h). Threads
 * share the tiles or strips of rows. Each has its own sums of the filters' gradient, which are added in the threads'
 * order, so equal inputs and thread counts give equal bits.
 */
#include "conv3x3.h"

#include <omp.h>
#include <stdlib.h>

struct _CbiganCpuConv3 {
  CbiganCpu *backend;
  const CbiganLayer *layer;
  const CbiganConv3Method *method;
  CbiganTiling forward, backward; /* backward: from the output's gradient to the input's */
  float *weights, *turned;        /* of the two; NULL = not wanted */
  gsize scratch_floats;           /* of a thread: in the backend's scratchpad, before all threads' sums */
};

static gboolean
is_plain(const CbiganLayer *l) /* what the kernels can do besides a leaky activation: nothing */
{
  return l->kind == CBIGAN_CONV2D && l->kernel == 3 && !l->accumulate && l->bias == CBIGAN_NO_OFFSET &&
         l->activation != CBIGAN_TANH && l->out.h % 2 == 0 && l->out.w % 2 == 0;
}

/* With the widest vectors that are filled; NULL: none is fast. */
static const CbiganConv3Method *
choose(const CbiganIsa *isa, const CbiganTiling *t)
{
  for (const CbiganChannels *const *c = isa->channels; *c; c++)
    if ((*c)->filtering.fits(t) || (*c)->narrow.fits(t))
      return (*c)->narrow.fits(t) ? &(*c)->narrow : &(*c)->filtering;
  return NULL;
}

/* Bytes of the scratchpad, for `uses`. */
static gsize
scratch_size(CbiganCpuConv3 *self, CbiganCpuConv3Uses uses)
{
  gsize threads = (gsize)self->backend->base.threads;
  self->scratch_floats = MAX(self->method->scratch(&self->forward), self->method->scratch(&self->backward));
  gsize sums = uses & CBIGAN_CPU_CONV3_WEIGHTS ? self->method->sums(&self->forward) : 0;
  return threads * (self->scratch_floats + sums) * sizeof(float);
}

CbiganCpuConv3 *
cbigan_cpu_conv3_new(CbiganCpu *backend, const CbiganLayer *l, int batch, CbiganCpuConv3Uses uses)
{
  if (!backend->isa || !is_plain(l))
    return NULL;
  int side = l->out.w % 4 || l->out.h % 4 ? 2 : 4;
  const CbiganTiling tiling = { batch, l->out.h, l->out.w, l->in.c, l->out.c, side };
  const CbiganConv3Method *method = choose(backend->isa, &tiling);
  if (!method)
    return NULL;
  CbiganCpuConv3 *self = g_new0(CbiganCpuConv3, 1);
  *self = (CbiganCpuConv3){ .backend = backend,
                            .layer = l,
                            .method = method,
                            .forward = tiling,
                            .backward = { batch, l->out.h, l->out.w, l->out.c, l->in.c, side } };
  gboolean ok = cbigan_cpu_grow_scratchpad(backend, scratch_size(self, uses));
  if (uses & CBIGAN_CPU_CONV3_FORWARD)
    ok &= !!(self->weights = cbigan_cpu_memory(method->weights(&self->forward) * sizeof(float)));
  if (uses & CBIGAN_CPU_CONV3_DATA)
    ok &= !!(self->turned = cbigan_cpu_memory(method->weights(&self->backward) * sizeof(float)));
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

static void
pack(const CbiganCpuConv3 *self, const CbiganTiling *t, gboolean turned, const float *parameters, float *weights)
{
  const CbiganLayer *l = self->layer;
  const CbiganFilters order = { l->weight_stride, turned };
#pragma omp parallel for num_threads(self->backend->base.threads) if (t->inputs * t->outputs > 1024)
  for (int part = 0; part < self->method->parts(t); part++)
    self->method->pack(t, order, parameters + l->weight, part, weights);
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

/* A thread takes the next items when it is done with some: another program may hold one of them up. */
static void
convolve(CbiganCpuConv3 *self, const CbiganTiling *t, const float *weights, const float *x, float slope,
         gboolean accumulate, float *y)
{
  const int count = self->method->items(t), threads = self->backend->base.threads;
  const int chunk = MIN(self->method->chunk(t), (count + threads - 1) / threads);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int first = 0; first < count; first += chunk)
    self->method->convolve(t, weights, x, slope, accumulate, first, MIN(chunk, count - first), y,
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
  const CbiganConv3Method *method = self->method;
  const int threads = self->backend->base.threads, count = method->items(t), share = (count + threads - 1) / threads;
  const int n_sums = (count + share - 1) / share;
  const gsize size = method->sums(t);
  float *sums = scratch_of_thread(self, threads);
#pragma omp parallel num_threads(threads)
  {
#pragma omp for
    for (int i = 0; i < n_sums; i++)
      method->correlate(t, x, dy, i * share, MIN(share, count - i * share), sums + (gsize)i * size,
                        scratch_of_thread(self, omp_get_thread_num()));
#pragma omp for
    for (int part = 0; part < method->parts(t); part++)
      method->unpack(t, l->weight_stride, sums, n_sums, size, part, gradients + l->weight);
  }
}
