/* fuse.c - layers into steps, and which kernels do them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A residual block (see networks.c) becomes one step, which does the skip and the closing 1x1 as one product. Less work
 * for the same numbers: in a block that doubles, the upsampled input is never written, since the first 3x3 upsamples
 * what it reads; and the skip's 1x1 comes before its upsampling, both being linear, which saves three quarters of it.
 */
#include "fused.h"

#include <stdlib.h>

/* --- layers into steps ------------------------------------------------------------------------------------------ */

static CbiganStep *
add_step(CbiganCpuFused *self, CbiganStepKind kind, int input, const CbiganLayer *last)
{
  CbiganStep *step = &self->steps[self->n_steps++];
  *step = (CbiganStep){ .kind = kind,
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

static void
add_conv3(CbiganStep *step, const CbiganLayer *l, gboolean doubles)
{
  step->conv3_parts[step->n_conv3] = (CbiganPart){ l->weight, l->weight_stride, l->in.c };
  step->conv3[step->n_conv3++] = (CbiganConv3){ .inputs = l->in.c,
                                                .outputs = l->out.c,
                                                .side = l->out.h % 4 || l->out.w % 4 ? 2 : 4,
                                                .slope = slope(l),
                                                .doubles = doubles };
}

/* The last one decides over bias and activation. */
static void
add_part(CbiganStep *step, const CbiganLayer *l)
{
  gboolean dense = l->kind == CBIGAN_DENSE;
  step->parts[step->n_parts++] =
      (CbiganPart){ l->weight, l->weight_stride, dense ? (int)cbigan_shape_size(l->in) : l->in.c };
  step->matrix.outputs = dense ? (int)cbigan_shape_size(l->out) : l->out.c;
  step->matrix.slope = slope(l);
  step->bias = l->bias;
}

/* The take functions return how many of the n layers from l on they took: 0 = it is something else. */
static int
take_block(CbiganCpuFused *self, const CbiganLayer *l, int n)
{
  CbiganBlock b;
  if (!cbigan_backend_find_block(l, n, &b))
    return 0;
  int small_skip = self->n_values; /* a value that the network has not got */
  if (b.up) {
    CbiganStep *step = add_step(self, CBIGAN_STEP_ROWS, l->input, b.skip);
    step->output = small_skip;
    add_part(step, b.skip);
    self->shapes[self->n_values++] = (CbiganShape){ b.skip->out.c, l->in.h, l->in.w };
  }
  CbiganStep *step = add_step(self, CBIGAN_STEP_ROWS, l->input, b.pool ? b.pool : b.closing);
  add_conv3(step, b.first, b.up);
  add_conv3(step, b.second, FALSE);
  if (b.up)
    step->added = small_skip;
  else
    add_part(step, b.skip);
  add_part(step, b.closing);
  step->avgpool = b.pool != NULL;
  return b.n_layers + (b.pool != NULL);
}

static int
take_conv(CbiganCpuFused *self, const CbiganLayer *l, int n)
{
  if (l->kind != CBIGAN_CONV2D || l->accumulate ||
      (l->kernel == 3 && (slope(l) != 1.0f || l->bias != CBIGAN_NO_OFFSET)))
    return 0;
  CbiganStep *step = add_step(self, CBIGAN_STEP_ROWS, l->input, l);
  if (l->kernel == 3)
    add_conv3(step, l, FALSE);
  else
    add_part(step, l);
  return 1;
}

/* One dense layer, or two that add up where the second follows at once. Segments of a patch cannot be flattened. */
static int
take_dense(CbiganCpuFused *self, const CbiganLayer *l, int n)
{
  if (l->kind != CBIGAN_DENSE || l->accumulate || l->activation == CBIGAN_TANH || self->segmented)
    return 0;
  gboolean two = n > 1 && l[1].kind == CBIGAN_DENSE && l[1].accumulate && l[1].output == l->output;
  if (two && (l->activation != CBIGAN_LINEAR || l->bias != CBIGAN_NO_OFFSET || l[1].activation == CBIGAN_TANH))
    return 0;
  CbiganStep *step = add_step(self, CBIGAN_STEP_DENSE, l->input, l + two);
  for (int i = 0; i <= two; i++) {
    step->inputs[i] = l[i].input;
    add_part(step, &l[i]);
  }
  step->n_inputs = 1 + two;
  return 1 + two;
}

static void
find_steps(CbiganCpuFused *self, int first, int end)
{
  static int (*const takers[])(CbiganCpuFused *, const CbiganLayer *, int) = { take_block, take_conv, take_dense };
  self->steps = g_new0(CbiganStep, 2 * (end - first));
  for (int i = first, taken = 1; i < end && taken; i += taken) {
    const CbiganLayer *layer = &self->network->layers[i];
    taken = 0;
    for (guint k = 0; k < G_N_ELEMENTS(takers) && !taken; k++)
      taken = takers[k](self, layer, end - i);
    self->base.n_layers += taken;
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
scratch_floats(const CbiganCpuFused *self, const CbiganStep *step)
{
  CbiganShape in = self->shapes[step->inputs[0]];
  gsize n = 0, transforms = 0;
  if (step->kind == CBIGAN_STEP_DENSE) { /* inputs and outputs side by side */
    for (int i = 0; i < step->n_parts; i++)
      n += (gsize)step->parts[i].channels;
    return (n + (gsize)step->matrix.outputs) * (gsize)self->kernels->lanes;
  }
  int size = step->added >= 0 ? 2 * in.w : in.w, h = step->added >= 0 ? 2 * in.h : in.h;
  for (int i = 0; i < step->n_conv3; i++) {
    n += map_floats(self, step->conv3[i].outputs, cbigan_cpu_ring(&step->conv3[i], h), size);
    transforms = MAX(transforms, cbigan_cpu_conv3_scratch(self->kernels, &step->conv3[i]));
  }
  return n + transforms + map_floats(self, step->matrix.outputs, 2, size); /* two rows before pooling */
}

/* Which values go in and come out: those that layers outside, or `keep`, share with the steps. */
static void
find_transfers(CbiganCpuFused *self, int first, int n_layers, const int *keep)
{
  const CbiganNetwork *network = self->network;
  int n = network->n_values, n_in = 0, n_out = 0;
  g_autofree gboolean *written = g_new0(gboolean, self->n_values), *wanted = g_new0(gboolean, n),
                      *in = g_new0(gboolean, n);
  for (int i = first + self->base.n_layers; i < n_layers; i++)
    wanted[network->layers[i].input] = wanted[network->layers[i].output] = TRUE;
  for (; keep && *keep >= 0; keep++)
    wanted[*keep] = TRUE;
  wanted[network->layers[n_layers - 1].output] = TRUE;
  self->base.inputs = g_new(int, n + 1);
  self->base.outputs = g_new(int, n + 1);
  for (const CbiganStep *step = self->steps; step < self->steps + self->n_steps; step++) {
    for (int i = 0; i < step->n_inputs; i++)
      if (!written[step->inputs[i]] && !in[step->inputs[i]]) {
        in[step->inputs[i]] = TRUE;
        self->base.inputs[n_in++] = step->inputs[i];
      }
    if (step->output < n && wanted[step->output])
      self->base.outputs[n_out++] = step->output;
    written[step->output] = TRUE;
  }
  self->base.inputs[n_in] = self->base.outputs[n_out] = -1;
}

/* FALSE: somebody wants a value that exists only within a step. */
static gboolean
all_written(const CbiganCpuFused *self, int first, const int *keep)
{
  for (; keep && *keep >= 0; keep++) {
    gboolean inside = FALSE, written = FALSE;
    for (int i = first; i < first + self->base.n_layers; i++)
      inside |= self->network->layers[i].output == *keep;
    for (int i = 0; i < self->n_steps; i++)
      written |= self->steps[i].output == *keep;
    if (inside && !written)
      return FALSE;
  }
  return TRUE;
}

static gboolean
allocate(CbiganCpuFused *self)
{
  self->offsets = g_new0(gsize, self->n_values);
  for (int v = 0; v < self->n_values; v++) {
    CbiganShape s = self->shapes[v];
    gboolean used = FALSE;
    for (const CbiganStep *step = self->steps; step < self->steps + self->n_steps; step++)
      used |= step->output == v || step->inputs[0] == v || (step->n_inputs > 1 && step->inputs[1] == v);
    self->offsets[v] = self->group_floats;
    if (used)
      self->group_floats += map_floats(self, s.c, s.h, s.w);
  }
  for (CbiganStep *step = self->steps; step < self->steps + self->n_steps; step++) {
    self->scratch_floats = MAX(self->scratch_floats, scratch_floats(self, step));
    if (!cbigan_cpu_allocate_weights(self->kernels, step))
      return FALSE;
  }
  int threads = self->backend->base.threads;
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
fused_free(CbiganFused *base)
{
  CbiganCpuFused *self = (CbiganCpuFused *)base;
  for (int i = 0; i < self->n_steps; i++)
    for (int k = 0; k < 4; k++)
      free(self->steps[i].packed[k]);
  for (int i = 0; self->groups && i < self->n_memories; i++)
    free(self->groups[i]);
  for (int i = 0; self->scratch && i < self->backend->base.threads; i++)
    free(self->scratch[i]);
  g_free(self->base.inputs);
  g_free(self->base.outputs);
  g_free(self->steps);
  g_free(self->shapes);
  g_free(self->offsets);
  g_free(self->groups);
  g_free(self->scratch);
  g_free(self->turns);
  g_free(self);
}

/* --- which kernels ---------------------------------------------------------------------------------------------- */

/* Of layers [first, end) as many as are taken; n_layers: that the network runs. */
static CbiganFused *
fuse_steps(CbiganBackend *base, const CbiganKernels *kernels, gboolean segmented, const CbiganNetwork *network,
           int first, int end, int n_layers, int batch, const int *keep)
{
  CbiganCpuFused *self = g_new0(CbiganCpuFused, 1);
  int samples = segmented ? kernels->lanes / kernels->segments : kernels->lanes;
  *self = (CbiganCpuFused){ .base = { .load = cbigan_cpu_fused_load, .run = cbigan_cpu_fused_run, .free = fused_free },
                            .backend = (const CbiganCpu *)base,
                            .kernels = kernels,
                            .network = network,
                            .segmented = segmented,
                            .batch = batch,
                            .samples = samples,
                            .n_groups = (batch + samples - 1) / samples,
                            .n_values = network->n_values };
  self->shapes = g_new0(CbiganShape, network->n_values + n_layers);
  for (int v = 0; v < network->n_values; v++)
    self->shapes[v] = network->values[v].shape;
  find_steps(self, first, end);
  if (self->n_steps && all_written(self, first, keep)) {
    find_transfers(self, first, n_layers, keep);
    if (allocate(self))
      return &self->base;
  }
  fused_free(&self->base);
  return NULL;
}

CbiganFused *
cbigan_cpu_fuse_with(CbiganBackend *base, const CbiganKernels *kernels, const CbiganNetwork *network, int first,
                     int n_layers, int batch, const int *keep)
{
  int end = cbigan_backend_same_sources(network, first, n_layers);
  return fuse_steps(base, kernels, FALSE, network, first, end, n_layers, batch, keep);
}

static const CbiganKernels *
of_many(const CbiganCpu *self)
{
  return self->precision == CBIGAN_PRECISION_BF16 ? self->isa->bf16_many : self->isa->many;
}

static const CbiganKernels *
of_few(const CbiganCpu *self)
{
  return self->precision == CBIGAN_PRECISION_BF16 ? self->isa->bf16_few : self->isa->few;
}

/* A segment is a whole number of tiles wide. */
static gboolean
wide_enough(const CbiganKernels *kernels, const CbiganLayer *l)
{
  int width = l->kind == CBIGAN_UPSAMPLE ? l->out.w : l->in.w;
  return kernels->segments == kernels->lanes && width % (4 * kernels->segments) == 0;
}

#define FEWEST_DEEP 6 /* width of a network whose maps of medium size have channels enough for vectors of 16 */

/* Kernels for segments of that layer's map, of the widest vectors that it fills. NULL: none, or its channels fill wider
 * ones, which is faster (tests/bench/fused); deep.c has no bf16. */
static const CbiganKernels *
choose_segments(const CbiganCpu *self, const CbiganNetwork *network, const CbiganLayer *l)
{
  const CbiganKernels *many = of_many(self), *few = of_few(self);
  if (wide_enough(many, l))
    return many;
  gboolean wider = !few->bf16 && self->isa->channels[0]->vector > few->lanes;
  return !wide_enough(few, l) || (wider && network->width >= FEWEST_DEEP) ? NULL : few;
}

CbiganFused *
cbigan_cpu_fuse_segments(CbiganBackend *base, const CbiganNetwork *network, int first, int n_layers, int batch,
                         const int *keep)
{
  const CbiganCpu *self = (const CbiganCpu *)base;
  const CbiganLayer *layers = network->layers;
  const CbiganKernels *kernels = choose_segments(self, network, &layers[first]);
  int sources = cbigan_backend_same_sources(network, first, n_layers), end = first + 1;
  while (end < sources && choose_segments(self, network, &layers[end]) == kernels)
    end++;
  CbiganFused *fused = kernels ? fuse_steps(base, kernels, TRUE, network, first, end, n_layers, batch, keep) : NULL;
  return fused ? fused : cbigan_cpu_fuse_deep(base, network, first, end, batch);
}

static gboolean
fills(const CbiganKernels *kernels, int batch) /* most of the lanes */
{
  int groups = (batch + kernels->lanes - 1) / kernels->lanes;
  return 4 * batch >= 3 * groups * kernels->lanes;
}

/* One patch a lane, where there are enough: in as many lanes as leave no thread without a group. A few patches one by
 * one in segments, as far as these are wide enough for a tile; deeper layers have more channels, which fill lanes. */
CbiganFused *
cbigan_cpu_fuse(CbiganBackend *base, const CbiganNetwork *network, int first, int n_layers, int batch, const int *keep)
{
  const CbiganCpu *self = (const CbiganCpu *)base;
  if (!self->isa || network->width > self->isa->widest)
    return NULL;
  const CbiganKernels *many = of_many(self), *few = of_few(self);
  gboolean fills_few = fills(few, batch);
  if (fills(many, batch) && (!fills_few || batch >= many->lanes * base->threads))
    return cbigan_cpu_fuse_with(base, many, network, first, n_layers, batch, keep);
  if (fills_few)
    return cbigan_cpu_fuse_with(base, few, network, first, n_layers, batch, keep);
  return cbigan_cpu_fuse_segments(base, network, first, n_layers, batch, keep);
}
