/* fused_channels.c - layers of few patches, channels in the lanes, one after another in one run of the thread pool
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where maps are too narrow for fused.c's segments, they are small and have many channels. Such a layer takes some
 * microseconds, about as long as waking a thread for it. So these layers are one run of the pool; each of its turns has
 * layers that do not read what the others of the turn write. 3x3 convolutions use Winograd's minimal filtering, as in
 * training, if a map has enough tiles; all other layers are done directly.
 */
#include "fused.h"

#include <stdlib.h>
#include <string.h>

/* Tiles from which on minimal filtering is faster than a direct 3x3, whose weights are a quarter as large (4, 16 and 64
 * were tried, tests/bench/fused) */
#define FEWEST_TILES 16

typedef struct {
  const CbiganLayer *layer;
  const CbiganCpuChannels *channels;
  CbiganDirect direct;
  CbiganTiling tiling;   /* of a 3x3 convolution by Winograd's minimal filtering; n = 0: it is done directly */
  float *weights, *bias; /* cbigan_cpu_weights_new(); NULL: none */
} Layer;

typedef struct {
  CbiganCpuPlan base;
  Layer *layers;    /* (n_layers) */
  int *first_layer; /* (n_turns + 1): of a turn */
  CbiganCpuTurn *turns;
  int n_turns;
  float **scratch; /* (threads) or NULL: of tilings */
} Channels;

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
load_layer(Layer *layer, const float *parameters)
{
  const CbiganDirect *d = &layer->direct;
  const CbiganLayer *l = layer->layer;
  int vector = layer->channels->vector;
  float *to = layer->weights;
  if (layer->tiling.n) {
    const CbiganFilters order = { .stride = l->weight_stride };
    for (int part = 0; part < layer->channels->filtering.parts(&layer->tiling); part++)
      layer->channels->filtering.pack(&layer->tiling, order, parameters + l->weight, part, to);
    return;
  }
  for (int o = 0, width; to && o < d->outputs; o += width) {
    width = cbigan_direct_block(d, vector, o) * vector;
    for (int tap = 0; tap < d->kernel * d->kernel; tap++)
      for (int i = 0; i < d->inputs; i++)
        for (int k = o; k < o + width; k++)
          *to++ = k < d->outputs ? parameters[weight_at(l, tap, i, k)] : 0.0f;
  }
  for (int o = 0; layer->weights && o < d->outputs; o++)
    if (l->bias != CBIGAN_NO_OFFSET)
      layer->bias[o] = parameters[l->bias + (l->kind == CBIGAN_DENSE ? file_order(l->out, o) : (gsize)o)];
}

static void
channels_load(CbiganCpuPlan *base, const float *parameters)
{
  Channels *self = (Channels *)base;
  for (int i = 0; i < self->base.base.n_layers; i++)
    load_layer(&self->layers[i], parameters);
}

static gboolean
channels_share(CbiganPlan *base, const CbiganPlan *other)
{
  Channels *self = (Channels *)base;
  const Channels *like = (const Channels *)other;
  if (self->base.base.n_layers != like->base.base.n_layers)
    return FALSE;
  for (int i = 0; i < self->base.base.n_layers; i++) {
    Layer *to = &self->layers[i];
    const Layer *from = &like->layers[i];
    if (to->channels != from->channels || to->tiling.side != from->tiling.side)
      return FALSE;
  }
  for (int i = 0; i < self->base.base.n_layers; i++) {
    Layer *to = &self->layers[i];
    const Layer *from = &like->layers[i];
    cbigan_cpu_weights_unref(to->weights);
    cbigan_cpu_weights_unref(to->bias);
    to->direct.weights = to->weights = cbigan_cpu_weights_ref(from->weights);
    to->direct.bias = to->bias = cbigan_cpu_weights_ref(from->bias);
  }
  return TRUE;
}

/* --- plan ------------------------------------------------------------------------------------------------------- */

/* The widest vectors that the outputs fill, else the narrowest. */
static const CbiganCpuChannels *
choose_channels(const CbiganCpuIsa *isa, int outputs)
{
  const CbiganCpuChannels *const *c = isa->channels;
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
init_layer(Layer *layer, const CbiganCpuIsa *isa, const CbiganLayer *l, int batch)
{
  gboolean dense = l->kind == CBIGAN_DENSE, weighs = dense || l->kind == CBIGAN_CONV2D;
  int inputs = dense ? (int)cbigan_shape_size(l->in) : l->in.c,
      outputs = dense ? (int)cbigan_shape_size(l->out) : l->out.c;
  *layer = (Layer){ .layer = l, .channels = choose_channels(isa, outputs) };
  layer->direct = (CbiganDirect){ .kind = l->kind,
                                  .n = batch,
                                  .h = dense ? 1 : l->out.h,
                                  .w = dense ? 1 : l->out.w,
                                  .inputs = inputs,
                                  .outputs = outputs,
                                  .kernel = l->kind == CBIGAN_CONV2D ? l->kernel : 1,
                                  .slope = l->activation == CBIGAN_LEAKY ? CBIGAN_LEAKY_SLOPE : 1.0f,
                                  .accumulate = l->accumulate };
  layer->tiling = choose_tiling(l, batch);
  int vector = layer->channels->vector;
  if (weighs) {
    gsize size = layer->tiling.n ? layer->channels->filtering.weights(&layer->tiling)
                                 : cbigan_direct_weights(&layer->direct, vector);
    layer->weights = cbigan_cpu_weights_new(size);
    layer->bias = cbigan_cpu_weights_new((gsize)(outputs + vector));
  }
  layer->direct.weights = layer->weights;
  layer->direct.bias = layer->bias;
  return !weighs || (layer->weights && layer->bias);
}

static gboolean
can_take(const CbiganLayer *l)
{
  return l->activation != CBIGAN_TANH && (l->kind != CBIGAN_CONV2D || l->out.h * l->out.w % CBIGAN_DIRECT_GROUP == 0);
}

/* A turn ends before the first layer that reads what another layer of the turn writes. */
static void
find_turns(Channels *self, const CbiganNetwork *network)
{
  g_autofree gboolean *fresh = g_new0(gboolean, network->n_values); /* written in this turn */
  self->n_turns = 1;
  for (int i = 0; i < self->base.base.n_layers; i++) {
    const CbiganLayer *l = self->layers[i].layer;
    if (fresh[l->input] || (l->accumulate && fresh[l->output])) {
      self->first_layer[self->n_turns++] = i;
      memset(fresh, 0, (gsize)network->n_values * sizeof *fresh);
    }
    fresh[l->output] = TRUE;
  }
  self->first_layer[self->n_turns] = self->base.base.n_layers;
}

/* --- run -------------------------------------------------------------------------------------------------------- */

/* Item `part` of a turn, of `parts` */
typedef struct {
  const Channels *plan;
  float *const *values;
  int parts;
} Run;

/* Threads share tiles where each gets enough for the weights, else outputs. */
static void
filter_part(const Layer *layer, const float *x, int part, int parts, float *y, float *scratch)
{
  const CbiganTiling *t = &layer->tiling;
  const int vector = layer->channels->vector, tiles = cbigan_tiling_count(t);
  const float slope = layer->direct.slope;
  if (tiles >= FEWEST_TILES * parts) {
    int first = tiles * part / parts, n = tiles * (part + 1) / parts - first;
    layer->channels->filtering.convolve(t, layer->weights, x, slope, FALSE, first, n, y, scratch);
    return;
  }
  int vectors = (t->outputs + vector - 1) / vector;
  int from = vectors * part / parts * vector, end = MIN(vectors * (part + 1) / parts * vector, t->outputs);
  if (end > from)
    layer->channels->convolve_outputs(t, layer->weights, x, slope, FALSE, 0, tiles, from, end - from, y, scratch);
}

static void
run_part(gpointer data, int turn, int part, int thread)
{
  const Run *run = data;
  const Channels *self = run->plan;
  const Layer *end = self->layers + self->first_layer[turn + 1];
  for (const Layer *layer = self->layers + self->first_layer[turn]; layer < end; layer++) {
    if (layer->tiling.n) {
      filter_part(layer, run->values[layer->layer->input], part, run->parts, run->values[layer->layer->output],
                  self->scratch[thread]);
      continue;
    }
    int n = cbigan_direct_items(&layer->direct, layer->channels->vector);
    int first = n * part / run->parts, last = n * (part + 1) / run->parts;
    if (last > first)
      layer->channels->direct(&layer->direct, run->values[layer->layer->input], first, last - first,
                              run->values[layer->layer->output]);
  }
}

static void
channels_run(CbiganCpuPlan *base, float *const *values)
{
  const Channels *self = (const Channels *)base;
  int team = cbigan_cpu_team(&base->cpu->base);
  Run run = { self, values, team };
  for (int t = 0; t < self->n_turns; t++)
    self->turns[t].items = team;
  cbigan_cpu_pool_run(base->cpu->pool, &(CbiganCpuRun){ team, self->turns, self->n_turns, run_part, &run });
}

static void
channels_free(CbiganPlan *base)
{
  Channels *self = (Channels *)base;
  for (int i = 0; i < self->base.base.n_layers; i++) {
    cbigan_cpu_weights_unref(self->layers[i].weights);
    cbigan_cpu_weights_unref(self->layers[i].bias);
  }
  for (int i = 0; self->scratch && i < self->base.cpu->base.threads; i++)
    free(self->scratch[i]);
  g_free(self->scratch);
  g_free(base->inputs);
  g_free(base->outputs);
  g_free(self->first_layer);
  g_free(self->turns);
  g_free(self->layers);
  g_free(self);
}

static gboolean
allocate_scratch(Channels *self)
{
  gsize most = 0;
  for (const Layer *layer = self->layers; layer < self->layers + self->base.base.n_layers; layer++)
    if (layer->tiling.n)
      most = MAX(most, layer->channels->filtering.scratch(&layer->tiling));
  int threads = self->base.cpu->base.threads;
  self->scratch = g_new0(float *, threads);
  for (int i = 0; most && i < threads; i++)
    if (!(self->scratch[i] = cbigan_cpu_memory(most * sizeof(float))))
      return FALSE;
  return TRUE;
}

CbiganPlan *
cbigan_cpu_fuse_channels(CbiganCpu *cpu, const CbiganNetwork *network, int first, int end, int batch)
{
  int n = 0;
  while (first + n < end && can_take(&network->layers[first + n]))
    n++;
  if (n == 0)
    return NULL;
  Channels *self = g_new0(Channels, 1);
  CbiganPlan *plan = &self->base.base;
  self->base = (CbiganCpuPlan){ .base = { .n_layers = n, .free = channels_free, .share = channels_share },
                                .cpu = cpu,
                                .load = channels_load,
                                .run = channels_run };
  self->layers = g_new0(Layer, n);
  self->turns = g_new0(CbiganCpuTurn, n);
  self->first_layer = g_new0(int, n + 1);
  cbigan_network_boundary(network, first, n, end, CBIGAN_KEEP_ALL, &plan->inputs, &plan->outputs);
  gboolean ok = TRUE;
  for (int i = 0; i < n; i++)
    ok &= init_layer(&self->layers[i], cpu->isa, &network->layers[first + i], batch);
  if (ok && allocate_scratch(self)) {
    find_turns(self, network);
    return plan;
  }
  channels_free(plan);
  return NULL;
}
