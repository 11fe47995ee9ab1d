/* fuse.c - a network's steps into lane steps, and which kernels do them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A residual block (see networks.c) becomes one lane step, whose skip and closing 1x1 are one product. A block that
 * doubles needs less work for the same numbers. Its upsampled input is never written: the first 3x3 upsamples what it
 * reads. And the skip's 1x1 comes before its upsampling, as both are linear, which saves three quarters of its work.
 */
#include "fused.h"

#include <stdlib.h>

/* --- lane steps ------------------------------------------------------------------------------------------------- */

static CbiganCpuStep *
add_step(CbiganCpuFused *self, CbiganCpuStepKind kind, int input, const CbiganLayer *last)
{
  CbiganCpuStep *step = &self->steps[self->n_steps++];
  *step = (CbiganCpuStep){ .kind = kind,
                           .kernels = self->kernels,
                           .inputs = { input },
                           .n_inputs = 1,
                           .added = -1,
                           .output = last->output,
                           .bias = CBIGAN_NO_OFFSET,
                           .tanh = last->activation == CBIGAN_TANH };
  return step;
}

static float
slope(const CbiganLayer *l)
{
  return l->activation == CBIGAN_LEAKY ? CBIGAN_LEAKY_SLOPE : 1.0f;
}

static int
tile_side(const CbiganLayer *l)
{
  return l->out.h % 4 || l->out.w % 4 ? 2 : 4;
}

static void
add_conv3(CbiganCpuStep *step, const CbiganLayer *l, gboolean doubles)
{
  step->conv3_parts[step->n_conv3] = (CbiganCpuPart){ l->weight, l->weight_stride, l->in.c };
  step->conv3[step->n_conv3++] = (CbiganCpuWinograd){
    .inputs = l->in.c, .outputs = l->out.c, .side = tile_side(l), .slope = slope(l), .doubles = doubles
  };
}

/* The last part decides on bias and activation. */
static void
add_part(CbiganCpuStep *step, const CbiganLayer *l)
{
  gboolean dense = l->kind == CBIGAN_DENSE;
  step->parts[step->n_parts++] =
      (CbiganCpuPart){ l->weight, l->weight_stride, dense ? (int)cbigan_shape_size(l->in) : l->in.c };
  step->matrix.outputs = dense ? (int)cbigan_shape_size(l->out) : l->out.c;
  step->matrix.slope = slope(l);
  step->bias = l->bias;
}

static void
add_block(CbiganCpuFused *self, const CbiganStep *block)
{
  const int input = (block->up ? block->up : block->skip)->input;
  int small_skip = self->n_values; /* a value that the network does not have */
  if (block->up) {
    CbiganCpuStep *step = add_step(self, CBIGAN_CPU_ROWS, input, block->skip);
    step->output = small_skip;
    add_part(step, block->skip);
    self->shapes[self->n_values++] = (CbiganShape){ block->skip->out.c, block->up->in.h, block->up->in.w };
  }
  CbiganCpuStep *step = add_step(self, CBIGAN_CPU_ROWS, input, block->pool ? block->pool : block->closing);
  add_conv3(step, block->first, block->up != NULL);
  add_conv3(step, block->second, FALSE);
  if (block->up)
    step->added = small_skip;
  else
    add_part(step, block->skip);
  add_part(step, block->closing);
  step->avgpool = block->pool != NULL;
}

static void
add_conv(CbiganCpuFused *self, const CbiganLayer *l)
{
  CbiganCpuStep *step = add_step(self, CBIGAN_CPU_ROWS, l->input, l);
  if (l->kernel == 3) {
    add_conv3(step, l, FALSE);
  } else {
    add_part(step, l);
    step->kernels = self->last;
  }
}

/* One dense layer, or the two of a JOIN as one product */
static void
add_dense(CbiganCpuFused *self, const CbiganStep *dense)
{
  const CbiganLayer *l = &self->network->layers[dense->first_layer];
  CbiganCpuStep *step = add_step(self, CBIGAN_CPU_DENSE, l->input, &l[dense->n_layers - 1]);
  step->n_inputs = dense->n_layers;
  for (int i = 0; i < dense->n_layers; i++) {
    step->inputs[i] = l[i].input;
    add_part(step, &l[i]);
  }
}

/* From the coarsest block to the finest, see add_gather() in network.c: a product of each block's output, and the
 * upsampled sum of the coarser blocks'. The first block's output is pooled, and its product is one with the second's.
 */
static gboolean
add_gather(CbiganCpuFused *self, const CbiganStep *gather)
{
  const CbiganLayer *l = &self->network->layers[gather->first_layer], *end = l + gather->n_layers;
  int sum = -1;
  for (; l < end; l++) {
    const CbiganLayer *pool = l + 2 < end && l[1].kind == CBIGAN_AVGPOOL ? l + 1 : NULL;
    if (l->kind == CBIGAN_UPSAMPLE)
      continue;
    if (l->kind != CBIGAN_CONV2D || (pool && pool + 2 != end))
      return FALSE;
    CbiganCpuStep *step = add_step(self, CBIGAN_CPU_ROWS, l->input, end - 1);
    step->kernels = self->last;
    step->output = l->output;
    step->added = sum;
    add_part(step, l);
    if (pool) {
      step->inputs[step->n_inputs++] = pool->input;
      step->pools = TRUE;
      add_part(step, l += 2);
    }
    sum = step->output;
  }
  return TRUE;
}

/* FALSE: the kernels can't. */
static gboolean
take(CbiganCpuFused *self, const CbiganStep *step)
{
  const CbiganLayer *l = &self->network->layers[step->first_layer];
  switch (step->kind) {
  case CBIGAN_STEP_BLOCK:
    add_block(self, step);
    return TRUE;
  case CBIGAN_STEP_CONV: /* a 3x3 by itself has neither bias nor tanh */
    if (l->kernel == 3 && (l->activation == CBIGAN_TANH || l->bias != CBIGAN_NO_OFFSET))
      return FALSE;
    add_conv(self, l);
    return TRUE;
  case CBIGAN_STEP_DENSE:
  case CBIGAN_STEP_JOIN: /* segments of a patch cannot be flattened */
    if (self->segments || l[step->n_layers - 1].activation == CBIGAN_TANH)
      return FALSE;
    add_dense(self, step);
    return TRUE;
  case CBIGAN_STEP_GATHER:
    return self->segments && add_gather(self, step);
  }
  return FALSE;
}

static void
take_steps(CbiganCpuFused *self, int first, int end, const int *keep)
{
  const CbiganNetwork *network = self->network;
  const CbiganStep *step = cbigan_network_step_of(network, first);
  self->steps = g_new0(CbiganCpuStep, 2 * (network->steps + network->n_steps - step));
  if (step->first_layer != first)
    return;
  for (; step < network->steps + network->n_steps && cbigan_step_is_whole(network, step, end, keep); step++) {
    if (!take(self, step))
      return;
    self->base.base.n_layers += step->n_layers;
  }
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

static gsize
map_floats(const CbiganCpuFused *self, int c, int h, int w)
{
  return (gsize)h * (gsize)c * cbigan_map_plane(cbigan_cpu_lane_width(self, w), self->kernels->lanes);
}

/* As run_rows() and run_dense() in fused.c lay it out. */
static gsize
scratch_floats(const CbiganCpuFused *self, const CbiganCpuStep *step)
{
  CbiganShape in = self->shapes[step->inputs[0]];
  gsize n = 0, transforms = 0;
  if (step->kind == CBIGAN_CPU_DENSE) { /* inputs and outputs side by side */
    for (int i = 0; i < step->n_parts; i++)
      n += (gsize)step->parts[i].channels;
    return (n + (gsize)step->matrix.outputs) * (gsize)self->kernels->lanes;
  }
  int size = step->added >= 0 ? 2 * in.w : in.w, h = step->added >= 0 ? 2 * in.h : in.h;
  for (int i = 0; i < step->n_conv3; i++) {
    n += map_floats(self, step->conv3[i].outputs, cbigan_cpu_ring(&step->conv3[i], h), size);
    transforms = MAX(transforms, cbigan_cpu_conv3_scratch(self->kernels, &step->conv3[i]));
  }
  if (step->pools)
    n += map_floats(self, self->shapes[step->inputs[1]].c, 1, self->shapes[step->inputs[1]].w / 2);
  if (step->takes_planes)
    n += map_floats(self, in.c, cbigan_cpu_ring(&step->conv3[0], h), in.w);
  return n + transforms + map_floats(self, step->matrix.outputs, 2, size); /* two rows before pooling */
}

/* Offsets of values in a group's memory. An input shares with no other value: its lanes behind the last sample are
 * never written and stay zero. Outputs are copied out behind the last step. */
static void
place_values(CbiganCpuFused *self)
{
  const CbiganPlan *plan = &self->base.base;
  int n_slots = 0;
  g_autofree CbiganLife *lives = g_new(CbiganLife, self->n_values);
  for (int v = 0; v < self->n_values; v++) {
    const CbiganShape s = self->shapes[v];
    lives[v] = (CbiganLife)CBIGAN_NEVER;
    lives[v].size = map_floats(self, s.c, s.h, s.w);
  }
  for (int i = 0; i < self->n_steps; i++) {
    const CbiganCpuStep *step = &self->steps[i];
    for (int k = 0; k < step->n_inputs; k++)
      lives[step->inputs[k]].last = i;
    if (step->added >= 0)
      lives[step->added].last = i;
    lives[step->output].first = i;
    lives[step->output].last = MAX(lives[step->output].last, i);
  }
  for (const int *v = plan->inputs; *v >= 0; v++)
    lives[*v].first = 0, lives[*v].last = self->n_steps;
  for (const int *v = plan->outputs; *v >= 0; v++)
    lives[*v].last = self->n_steps;
  g_autofree gsize *sizes = cbigan_lives_share(lives, self->n_values, &n_slots);
  self->offsets = g_new0(gsize, self->n_values);
  for (int slot = 0; slot < n_slots; slot++) {
    for (int v = 0; v < self->n_values; v++)
      if (lives[v].slot == slot)
        self->offsets[v] = self->group_floats;
    self->group_floats += sizes[slot];
  }
}

/* Whether the first step is a block, and the only step that reads value 0 */
static gboolean
can_take_planes(const CbiganCpuFused *self)
{
  gboolean alone = self->segments && self->steps->inputs[0] == 0 && self->steps->n_conv3 == 2;
  for (int i = 1; i < self->n_steps; i++)
    for (int k = 0; k < self->steps[i].n_inputs; k++)
      alone &= self->steps[i].inputs[k] != 0;
  return alone;
}

static gboolean
allocate(CbiganCpuFused *self)
{
  self->steps->takes_planes = can_take_planes(self);
  place_values(self);
  for (CbiganCpuStep *step = self->steps; step < self->steps + self->n_steps; step++) {
    self->scratch_floats = MAX(self->scratch_floats, scratch_floats(self, step));
    if (!cbigan_cpu_allocate_weights(step))
      return FALSE;
  }
  int threads = self->base.cpu->base.threads;
  self->groups = g_new0(float *, threads);
  self->scratch = g_new0(float *, threads);
  self->n_memories = MIN(threads, self->n_groups);
  self->turns = g_new0(CbiganCpuTurn, 1 + MIN(threads, self->n_groups) * (self->n_steps + 2));
  for (int i = 0; i < self->n_memories; i++)
    if (!(self->groups[i] = cbigan_cpu_memory(self->group_floats * sizeof(float))))
      return FALSE;
  for (int i = 0; i < threads; i++)
    if (!(self->scratch[i] = cbigan_cpu_memory(self->scratch_floats * sizeof(float))))
      return FALSE;
  return TRUE;
}

static void
fused_free(CbiganPlan *base)
{
  CbiganCpuFused *self = (CbiganCpuFused *)base;
  for (int i = 0; i < self->n_steps; i++)
    for (int k = 0; k < 4; k++)
      cbigan_cpu_weights_unref(self->steps[i].packed[k]);
  for (int i = 0; self->groups && i < self->n_memories; i++)
    free(self->groups[i]);
  for (int i = 0; self->scratch && i < self->base.cpu->base.threads; i++)
    free(self->scratch[i]);
  g_free(base->inputs);
  g_free(base->outputs);
  g_free(self->steps);
  g_free(self->shapes);
  g_free(self->offsets);
  g_free(self->groups);
  g_free(self->scratch);
  g_free(self->turns);
  g_free(self);
}

/* --- which kernels ---------------------------------------------------------------------------------------------- */

/* Plans as many of layers [first, stop) as possible. The network runs up to layer `end`. */
static CbiganPlan *
fuse_steps(CbiganCpu *cpu, const CbiganCpuKernels *kernels, const CbiganCpuKernels *last, int segments,
           const CbiganNetwork *network, int first, int stop, int end, int batch, const int *keep)
{
  CbiganCpuFused *self = g_new0(CbiganCpuFused, 1);
  CbiganPlan *plan = &self->base.base;
  int samples = segments ? 1 : kernels->lanes;
  *self = (CbiganCpuFused){ .base = { .base = { .free = fused_free,
                                                .share = cbigan_cpu_fused_share,
                                                .run_planes = segments ? cbigan_cpu_fused_run_planes : NULL },
                                      .cpu = cpu,
                                      .load = cbigan_cpu_fused_load,
                                      .run = cbigan_cpu_fused_run },
                            .kernels = kernels,
                            .last = last,
                            .network = network,
                            .segments = segments,
                            .batch = batch,
                            .samples = samples,
                            .n_groups = (batch + samples - 1) / samples,
                            .n_values = network->n_values };
  self->shapes = g_new0(CbiganShape, network->n_values + network->n_steps);
  for (int v = 0; v < network->n_values; v++)
    self->shapes[v] = network->values[v].shape;
  take_steps(self, first, stop, keep);
  if (plan->n_layers) {
    cbigan_network_boundary(network, first, plan->n_layers, end, keep, &plan->inputs, &plan->outputs);
    if (allocate(self))
      return plan;
  }
  fused_free(plan);
  return NULL;
}

CbiganPlan *
cbigan_cpu_fuse_with(CbiganCpu *cpu, const CbiganCpuKernels *kernels, const CbiganNetwork *network, int first, int end,
                     int batch, const int *keep)
{
  int stop = cbigan_network_same_sources(network, first, end);
  return fuse_steps(cpu, kernels, kernels, 0, network, first, stop, end, batch, keep);
}

static const CbiganCpuKernels *
of_many(const CbiganCpu *cpu)
{
  return cpu->base.precision == CBIGAN_PRECISION_BF16 ? cpu->isa->bf16_many : cpu->isa->many;
}

static const CbiganCpuKernels *
of_few(const CbiganCpu *cpu)
{
  return cpu->base.precision == CBIGAN_PRECISION_BF16 ? cpu->isa->bf16_few : cpu->isa->few;
}

/* A segment is a whole number of tiles wide, and not too wide for a lane. */
static gboolean
fits_segments(const CbiganCpuKernels *kernels, const CbiganLayer *l)
{
  int width = l->kind == CBIGAN_UPSAMPLE ? l->out.w : l->in.w;
  return kernels->segments == kernels->lanes && width % (4 * kernels->segments) == 0 &&
         width <= CBIGAN_CPU_MOST_COLUMNS * kernels->segments;
}

#define FEWEST_CHANNELS 6 /* width of a network whose maps of medium size have channels enough for vectors of 16 */

/* Kernels for segments of that layer's map, of the widest vectors that the map fills. NULL: there are none, or the
 * layer's channels fill wider vectors, which is faster (tests/bench/fused); fused_channels.c has no bf16. */
static const CbiganCpuKernels *
choose_segments(const CbiganCpu *cpu, const CbiganNetwork *network, const CbiganLayer *l)
{
  const CbiganCpuKernels *many = of_many(cpu), *few = of_few(cpu);
  if (fits_segments(many, l))
    return many;
  gboolean wider = !few->bf16 && cpu->isa->channels[0]->vector > few->lanes;
  return !fits_segments(few, l) || (wider && network->width >= FEWEST_CHANNELS) ? NULL : few;
}

/* Most segments that divide the map of each layer into whole tiles. 0: they leave more than an eighth of the lanes
 * empty, lanes are no segments, or the first map is too wide for them. */
static int
common_segments(const CbiganCpuKernels *kernels, const CbiganNetwork *network, int first, int end)
{
  int most = kernels->segments == kernels->lanes ? kernels->lanes : 0;
  for (const CbiganLayer *l = network->layers + first; l < network->layers + end; l++) {
    const int unit = l->kernel == 3 ? tile_side(l) : l->kind == CBIGAN_AVGPOOL ? 2 : 1;
    while (most && l->in.w % (unit * most))
      most--;
  }
  const int columns = most ? network->layers[first].in.w / most : 0;
  return 8 * most < 7 * kernels->lanes || columns > CBIGAN_CPU_MOST_COLUMNS ? 0 : most;
}

/* An inspector as a whole in segments, with bf16 only in the blocks: a logit is a small difference of large sums. NULL:
 * the segments fill too few lanes, or not all layers can be taken. */
static CbiganPlan *
fuse_inspector(CbiganCpu *cpu, const CbiganNetwork *network, int first, int end, int batch, const int *keep)
{
  const CbiganCpuKernels *const rows[] = { of_many(cpu), of_few(cpu) };
  const CbiganCpuIsa *isa = cpu->isa;
  for (guint i = 0; network->kind == CBIGAN_INSPECTOR && i < G_N_ELEMENTS(rows); i++) {
    const int segments = common_segments(rows[i], network, first, end);
    const CbiganCpuKernels *last = rows[i]->lanes == isa->many->lanes ? isa->many : isa->few;
    if (!segments)
      continue;
    CbiganPlan *plan = fuse_steps(cpu, rows[i], last, segments, network, first, end, end, batch, keep);
    if (plan && first + plan->n_layers == end)
      return plan;
    if (plan)
      plan->free(plan);
  }
  return NULL;
}

CbiganPlan *
cbigan_cpu_fuse_segments(CbiganCpu *cpu, const CbiganNetwork *network, int first, int end, int batch, const int *keep)
{
  CbiganPlan *whole = fuse_inspector(cpu, network, first, end, batch, keep);
  if (whole)
    return whole;
  const CbiganLayer *layers = network->layers;
  const CbiganCpuKernels *kernels = choose_segments(cpu, network, &layers[first]);
  int sources = cbigan_network_same_sources(network, first, end), stop = first + 1;
  while (stop < sources && choose_segments(cpu, network, &layers[stop]) == kernels)
    stop++;
  CbiganPlan *plan =
      kernels ? fuse_steps(cpu, kernels, kernels, kernels->segments, network, first, stop, end, batch, keep) : NULL;
  return plan ? plan : cbigan_cpu_fuse_channels(cpu, network, first, stop, batch);
}

static gboolean
fills(const CbiganCpuKernels *kernels, int batch) /* most of the lanes */
{
  int groups = (batch + kernels->lanes - 1) / kernels->lanes;
  return 4 * batch >= 3 * groups * kernels->lanes;
}

/* Enough patches are done one per lane, in as many lanes as leave no thread without a group. A few patches are done one
 * by one, in segments while the map is wide enough for a tile; deeper layers have more channels, which fill lanes. */
CbiganPlan *
cbigan_cpu_fuse(CbiganCpu *cpu, const CbiganNetwork *network, int first, int end, int batch, const int *keep)
{
  if (!cpu->isa || network->width > cpu->isa->widest)
    return NULL;
  const CbiganCpuKernels *many = of_many(cpu), *few = of_few(cpu);
  gboolean fills_few = fills(few, batch);
  if (fills(many, batch) && (!fills_few || batch >= many->lanes * cpu->base.threads))
    return cbigan_cpu_fuse_with(cpu, many, network, first, end, batch, keep);
  if (fills_few)
    return cbigan_cpu_fuse_with(cpu, few, network, first, end, batch, keep);
  return cbigan_cpu_fuse_segments(cpu, network, first, end, batch, keep);
}
