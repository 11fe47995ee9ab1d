/* fused_channels.c - layers of few patches, channels in the lanes, one after another in one run of the helpers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where fused.c's segments are too narrow, maps are small and channels many: each layer takes some microseconds, about
 * what it costs to wake a thread for it. So they are one run of the pool, with a turn for layers that don't need what
 * the others of the turn make. 3x3 convolutions are Winograd's minimal filtering as in training where a map has tiles
 * enough; the rest is done directly.
 */
#include "fused.h"

#include <stdlib.h>

/* That a 3x3 convolution needs to be faster by filtering than directly, whose weights are a quarter (4, 16 and 64 were
 * tried, tests/bench/fused) */
#define FEWEST_TILES 16

typedef struct {
  const CbiganLayer *layer;
  const CbiganChannels *channels;
  CbiganDirect direct;
  CbiganTiling tiling;   /* of a 3x3 convolution by Winograd's minimal filtering; n = 0: it is done directly */
  float *weights, *bias; /* NULL: none */
} Step;

typedef struct {
  CbiganFused base;
  const CbiganCpu *backend;
  Step *steps;     /* (base.n_layers) */
  int *first_step; /* (n_turns + 1): of a turn */
  CbiganCpuTurn *turns;
  int n_turns;
  float **scratch; /* (threads) or NULL: of tilings */
} Deep;

/* --- weights ---------------------------------------------------------------------------------------------------- */

/* Where number i of a value in h,w,c order lies in the file's c,h,w order. */
static gsize
file_order(CbiganShape shape, int i)
{
  int pixels = shape.h * shape.w;
  return (gsize)(i % shape.c * pixels + i / shape.c);
}

/* Offset of a weight in the parameters: tap of conv2d, 0 of dense */
static gsize
weight_at(const CbiganLayer *l, int tap, int input, int output)
{
  if (l->kind == CBIGAN_DENSE)
    return l->weight + file_order(l->out, output) * l->weight_stride + file_order(l->in, input);
  return l->weight + (gsize)output * l->weight_stride + (gsize)(input * l->kernel * l->kernel + tap);
}

static void
load_step(Step *step, const float *parameters)
{
  const CbiganDirect *d = &step->direct;
  const CbiganLayer *l = step->layer;
  int vector = step->channels->vector;
  float *to = step->weights;
  if (step->tiling.n) {
    const CbiganFilters order = { .stride = l->weight_stride };
    for (int part = 0; part < step->channels->filtering.parts(&step->tiling); part++)
      step->channels->filtering.pack(&step->tiling, order, parameters + l->weight, part, to);
    return;
  }
  for (int o = 0, width; to && o < d->outputs; o += width) {
    width = cbigan_direct_block(d, vector, o) * vector;
    for (int tap = 0; tap < d->kernel * d->kernel; tap++)
      for (int i = 0; i < d->inputs; i++)
        for (int k = o; k < o + width; k++)
          *to++ = k < d->outputs ? parameters[weight_at(l, tap, i, k)] : 0.0f;
  }
  for (int o = 0; step->weights && o < d->outputs; o++)
    if (l->bias != CBIGAN_NO_OFFSET)
      step->bias[o] = parameters[l->bias + (l->kind == CBIGAN_DENSE ? file_order(l->out, o) : (gsize)o)];
}

static void
deep_load(CbiganFused *base, const float *parameters)
{
  Deep *self = (Deep *)base;
  for (int i = 0; i < base->n_layers; i++)
    load_step(&self->steps[i], parameters);
}

/* --- plan ------------------------------------------------------------------------------------------------------- */

/* The widest vectors that the outputs fill, else the narrowest. */
static const CbiganChannels *
choose_channels(const CbiganIsa *isa, int outputs)
{
  const CbiganChannels *const *c = isa->channels;
  while (c[1] && (*c)->vector > outputs)
    c++;
  return *c;
}

/* The largest tiles of which there are enough; n = 0: do it directly. */
static CbiganTiling
choose_tiling(const CbiganLayer *l, int batch)
{
  CbiganTiling t = { batch, l->out.h, l->out.w, l->in.c, l->out.c, 4 };
  if (l->kind != CBIGAN_CONV2D || l->kernel != 3 || l->accumulate || l->bias != CBIGAN_NO_OFFSET ||
      MIN(l->in.c, l->out.c) < CBIGAN_FILTERING_CHANNELS)
    return (CbiganTiling){ 0 };
  for (; t.side > 1; t.side /= 2)
    if (t.h % t.side == 0 && t.w % t.side == 0 && cbigan_tiling_count(&t) >= FEWEST_TILES)
      return t;
  return (CbiganTiling){ 0 };
}

static gboolean
init_step(Step *step, const CbiganIsa *isa, const CbiganLayer *l, int batch)
{
  gboolean dense = l->kind == CBIGAN_DENSE, weighs = dense || l->kind == CBIGAN_CONV2D;
  int inputs = dense ? (int)cbigan_shape_size(l->in) : l->in.c,
      outputs = dense ? (int)cbigan_shape_size(l->out) : l->out.c;
  *step = (Step){ .layer = l, .channels = choose_channels(isa, outputs) };
  step->direct = (CbiganDirect){ .kind = l->kind,
                                 .n = batch,
                                 .h = dense ? 1 : l->out.h,
                                 .w = dense ? 1 : l->out.w,
                                 .inputs = inputs,
                                 .outputs = outputs,
                                 .kernel = l->kind == CBIGAN_CONV2D ? l->kernel : 1,
                                 .slope = l->activation == CBIGAN_LEAKY ? CBIGAN_LEAKY_SLOPE : 1.0f,
                                 .accumulate = l->accumulate };
  step->tiling = choose_tiling(l, batch);
  int vector = step->channels->vector;
  if (weighs) {
    gsize size = step->tiling.n ? step->channels->filtering.weights(&step->tiling)
                                : cbigan_direct_weights(&step->direct, vector);
    step->weights = cbigan_cpu_memory(size * sizeof(float));
    step->bias = cbigan_cpu_memory((gsize)(outputs + vector) * sizeof(float));
  }
  step->direct.weights = step->weights;
  step->direct.bias = step->bias;
  return !weighs || (step->weights && step->bias);
}

static gboolean
can_take(const CbiganLayer *l)
{
  return l->activation != CBIGAN_TANH && (l->kind != CBIGAN_CONV2D || l->out.h * l->out.w % CBIGAN_DIRECT_GROUP == 0);
}

/* All values between exist: next to the maps of the layers before they take little memory. */
static void
find_values(Deep *self, const CbiganNetwork *network)
{
  int n_in = 0, n_out = 0;
  g_autofree gboolean *written = g_new0(gboolean, network->n_values), *fresh = g_new0(gboolean, network->n_values),
                      *read = g_new0(gboolean, network->n_values);
  self->base.inputs = g_new(int, network->n_values + 1);
  self->base.outputs = g_new(int, network->n_values + 1);
  self->n_turns = 1;
  for (Step *step = self->steps; step < self->steps + self->base.n_layers; step++) {
    const CbiganLayer *l = step->layer;
    const int reads[] = { l->input, l->accumulate ? l->output : l->input };
    gboolean waits = fresh[reads[0]] || fresh[reads[1]];
    for (int i = 0; i < 2; i++) {
      if (!written[reads[i]] && !read[reads[i]])
        self->base.inputs[n_in++] = reads[i];
      read[reads[i]] = TRUE;
    }
    if (waits)
      self->first_step[self->n_turns++] = (int)(step - self->steps);
    for (int v = 0; waits && v < network->n_values; v++)
      fresh[v] = FALSE;
    if (!written[l->output])
      self->base.outputs[n_out++] = l->output;
    written[l->output] = fresh[l->output] = TRUE;
  }
  self->first_step[self->n_turns] = self->base.n_layers;
  self->base.inputs[n_in] = self->base.outputs[n_out] = -1;
}

/* --- run -------------------------------------------------------------------------------------------------------- */

/* Item `part` of a turn, of `parts` */
typedef struct {
  const Deep *deep;
  float *const *values;
  int parts;
} Pass;

/* Threads share tiles where each gets enough for the weights, else outputs. */
static void
filter_part(const Step *step, const float *x, int part, int parts, float *y, float *scratch)
{
  const CbiganTiling *t = &step->tiling;
  const int vector = step->channels->vector, tiles = cbigan_tiling_count(t);
  const float slope = step->direct.slope;
  if (tiles >= FEWEST_TILES * parts) {
    int first = tiles * part / parts, n = tiles * (part + 1) / parts - first;
    step->channels->filtering.convolve(t, step->weights, x, slope, FALSE, first, n, y, scratch);
    return;
  }
  int vectors = (t->outputs + vector - 1) / vector;
  int from = vectors * part / parts * vector, end = MIN(vectors * (part + 1) / parts * vector, t->outputs);
  if (end > from)
    step->channels->convolve_outputs(t, step->weights, x, slope, FALSE, 0, tiles, from, end - from, y, scratch);
}

static void
run_part(gpointer data, int turn, int part, int thread)
{
  const Pass *pass = data;
  const Deep *self = pass->deep;
  const Step *end = self->steps + self->first_step[turn + 1];
  for (const Step *step = self->steps + self->first_step[turn]; step < end; step++) {
    if (step->tiling.n) {
      filter_part(step, pass->values[step->layer->input], part, pass->parts, pass->values[step->layer->output],
                  self->scratch[thread]);
      continue;
    }
    int n = cbigan_direct_items(&step->direct, step->channels->vector);
    int first = n * part / pass->parts, last = n * (part + 1) / pass->parts;
    if (last > first)
      step->channels->direct(&step->direct, pass->values[step->layer->input], first, last - first,
                             pass->values[step->layer->output]);
  }
}

static void
deep_run(CbiganFused *base, float *const *values)
{
  const Deep *self = (const Deep *)base;
  int team = cbigan_cpu_team(&self->backend->base);
  Pass pass = { self, values, team };
  for (int t = 0; t < self->n_turns; t++)
    self->turns[t].items = team;
  cbigan_cpu_pool_run(self->backend->pool, &(CbiganCpuRun){ team, self->turns, self->n_turns, run_part, &pass });
}

static void
deep_free(CbiganFused *base)
{
  Deep *self = (Deep *)base;
  for (int i = 0; i < base->n_layers; i++) {
    free(self->steps[i].weights);
    free(self->steps[i].bias);
  }
  for (int i = 0; self->scratch && i < self->backend->base.threads; i++)
    free(self->scratch[i]);
  g_free(self->scratch);
  g_free(base->inputs);
  g_free(base->outputs);
  g_free(self->first_step);
  g_free(self->turns);
  g_free(self->steps);
  g_free(self);
}

static gboolean
allocate_scratch(Deep *self)
{
  gsize most = 0;
  for (const Step *step = self->steps; step < self->steps + self->base.n_layers; step++)
    if (step->tiling.n)
      most = MAX(most, step->channels->filtering.scratch(&step->tiling));
  int threads = self->backend->base.threads;
  self->scratch = g_new0(float *, threads);
  for (int i = 0; most && i < threads; i++)
    if (!(self->scratch[i] = cbigan_cpu_memory(most * sizeof(float))))
      return FALSE;
  return TRUE;
}

CbiganFused *
cbigan_cpu_fuse_deep(CbiganBackend *backend, const CbiganNetwork *network, int first, int end, int batch)
{
  const CbiganIsa *isa = ((const CbiganCpu *)backend)->isa;
  int n = 0;
  while (first + n < end && can_take(&network->layers[first + n]))
    n++;
  gboolean ok = n > 0;
  Deep *self = g_new0(Deep, 1);
  self->base = (CbiganFused){ .n_layers = n, .load = deep_load, .run = deep_run, .free = deep_free };
  self->backend = (const CbiganCpu *)backend;
  self->steps = g_new0(Step, n);
  self->turns = g_new0(CbiganCpuTurn, n);
  self->first_step = g_new0(int, n + 1);
  for (int i = 0; i < n; i++)
    ok &= init_step(&self->steps[i], isa, &network->layers[first + i], batch);
  if (ok && allocate_scratch(self)) {
    find_values(self, network);
    return &self->base;
  }
  deep_free(&self->base);
  return NULL;
}
