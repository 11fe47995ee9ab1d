/* conv3x3.c - 3x3 convolutions by own kernels, forward and backward, values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Layers whose inputs and outputs have enough channels use Winograd's minimal filtering (simd_channels.c), the others
 * are done directly (conv3x3_planar_tmpl.h). Threads share the tiles or strips of rows. A filter gradient is made of
 * several sums, one per share of the items; their number depends on base.threads, and they are added in their order. So
 * equal inputs and thread counts give equal bits.
 */
#include "conv3x3.h"

#include <stdlib.h>

struct _CbiganCpuConv3 {
  CbiganCpu *backend;
  const CbiganLayer *layer;
  const CbiganConv3Method *method;
  CbiganTiling forward, backward; /* backward: from the output's gradient to the input's */
  float *weights, *turned;        /* of the two; NULL = not wanted */
  gsize scratch_floats;           /* of a thread's scratchpad, before its sums */
};

static gboolean
is_plain(const CbiganLayer *l) /* the kernels have the leaky activation, but no bias, accumulation or tanh */
{
  return l->kind == CBIGAN_CONV2D && l->kernel == 3 && !l->accumulate && l->bias == CBIGAN_NO_OFFSET &&
         l->activation != CBIGAN_TANH && l->out.h % 2 == 0 && l->out.w % 2 == 0;
}

/* The method for the widest vectors that channels or pixels fill; NULL: no method is fast. */
static const CbiganConv3Method *
choose(const CbiganCpuIsa *isa, const CbiganTiling *t)
{
  for (const CbiganCpuChannels *const *c = isa->channels; *c; c++)
    if ((*c)->filtering.fits(t) || (*c)->narrow.fits(t))
      return (*c)->narrow.fits(t) ? &(*c)->narrow : &(*c)->filtering;
  return NULL;
}

/* Bytes of a thread's scratchpad, for `uses`: scratch memory, then the sums of one share of the items. */
static gsize
scratch_size(CbiganCpuConv3 *self, CbiganCpuConv3Uses uses)
{
  self->scratch_floats = MAX(self->method->scratch(&self->forward), self->method->scratch(&self->backward));
  gsize sums = uses & CBIGAN_CPU_CONV3_WEIGHTS ? self->method->sums(&self->forward) : 0;
  return (self->scratch_floats + sums) * sizeof(float);
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

/* What the pool's threads need to know of one of the operations below */
typedef struct {
  const CbiganCpuConv3 *self;
  const CbiganTiling *tiling;
  const float *weights, *x, *dy;
  float *y; /* or weights or gradients that are written */
  float slope;
  gboolean accumulate, turned;
  int chunk, n_sums; /* items at a time; sums of the filters' gradient */
} Job;

static void
pack_part(gpointer data, int turn, int part, int thread)
{
  const Job *j = data;
  const CbiganFilters order = { j->self->layer->weight_stride, j->turned };
  j->self->method->pack(j->tiling, order, j->x, part, j->y);
}

static void
pack(const CbiganCpuConv3 *self, const CbiganTiling *t, gboolean turned, const float *parameters, float *weights)
{
  Job job = { .self = self, .tiling = t, .x = parameters + self->layer->weight, .y = weights, .turned = turned };
  int parts = self->method->parts(t);
  if (t->inputs * t->outputs > 1024)
    cbigan_cpu_parallel(self->backend, parts, pack_part, &job);
  else
    for (int part = 0; part < parts; part++)
      pack_part(&job, 0, part, 0);
}

void
cbigan_cpu_conv3_load(CbiganCpuConv3 *self, const float *parameters)
{
  if (self->weights)
    pack(self, &self->forward, FALSE, parameters, self->weights);
  if (self->turned)
    pack(self, &self->backward, TRUE, parameters, self->turned);
}

static void
convolve_chunk(gpointer data, int turn, int number, int thread)
{
  const Job *j = data;
  const CbiganConv3Method *method = j->self->method;
  int first = number * j->chunk, n = MIN(j->chunk, method->items(j->tiling) - first);
  method->convolve(j->tiling, j->weights, j->x, j->slope, j->accumulate, first, n, j->y,
                   cbigan_cpu_scratch(j->self->backend, thread));
}

static void
convolve(CbiganCpuConv3 *self, Job job)
{
  const int count = self->method->items(job.tiling), threads = self->backend->base.threads;
  job.self = self;
  job.chunk = MIN(self->method->chunk(job.tiling), (count + threads - 1) / threads);
  cbigan_cpu_parallel(self->backend, (count + job.chunk - 1) / job.chunk, convolve_chunk, &job);
}

void
cbigan_cpu_conv3_run(CbiganCpuConv3 *self, const float *x, float *y)
{
  float slope = self->layer->activation == CBIGAN_LEAKY ? CBIGAN_LEAKY_SLOPE : 1.0f;
  convolve(self, (Job){ .tiling = &self->forward, .weights = self->weights, .x = x, .y = y, .slope = slope });
}

void
cbigan_cpu_conv3_data(CbiganCpuConv3 *self, const float *dy, float *dx, gboolean accumulate)
{
  convolve(self, (Job){ .tiling = &self->backward,
                        .weights = self->turned,
                        .x = dy,
                        .y = dx,
                        .slope = 1.0f,
                        .accumulate = accumulate });
}

/* First turn: one sum per share of the items. Second turn: the sums, in their order, are added to the gradients. */
static void
add_gradient(gpointer data, int turn, int item, int thread)
{
  const Job *j = data;
  const CbiganCpuConv3 *self = j->self;
  const CbiganCpu *backend = self->backend;
  const gsize apart = backend->scratchpad_size / sizeof(float);
  if (turn == 0) {
    int first = item * j->chunk, n = MIN(j->chunk, self->method->items(j->tiling) - first);
    self->method->correlate(j->tiling, j->x, j->dy, first, n, cbigan_cpu_scratch(backend, item) + self->scratch_floats,
                            cbigan_cpu_scratch(backend, thread));
  } else {
    self->method->unpack(j->tiling, self->layer->weight_stride, cbigan_cpu_scratch(backend, 0) + self->scratch_floats,
                         j->n_sums, apart, item, j->y);
  }
}

void
cbigan_cpu_conv3_weights(CbiganCpuConv3 *self, const float *x, const float *dy, float *gradients)
{
  const CbiganTiling *t = &self->forward;
  const int threads = self->backend->base.threads, count = self->method->items(t),
            share = (count + threads - 1) / threads, n_sums = (count + share - 1) / share;
  Job job = {
    .self = self, .tiling = t, .x = x, .dy = dy, .y = gradients + self->layer->weight, .chunk = share, .n_sums = n_sums
  };
  CbiganCpuTurn turns[] = { { .items = n_sums }, { .items = self->method->parts(t) } };
  const CbiganCpuRun run = { cbigan_cpu_team(&self->backend->base), turns, 2, add_gradient, &job };
  cbigan_cpu_pool_run(self->backend->pool, &run);
}
