/* fuse.c - layers into steps of whole residual blocks, and their weights in the kernels' order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pass that stops within a block, or wants a value from inside one, cannot be fused.
 */
#include "fused.h"

#include <stdlib.h>
#include <string.h>

/* --- filters ---------------------------------------------------------------------------------------------------- */

static void
add_part(CbiganFilter *f, CbiganPart part)
{
  f->parts[f->n_parts++] = part;
}

static void
add_conv(CbiganFilter *f, const CbiganLayer *l)
{
  for (int row = 0; row < l->kernel; row++)
    add_part(f, (CbiganPart){ .weight = l->weight + (gsize)row * l->kernel,
                              .output_stride = l->weight_stride,
                              .channel_stride = (gsize)l->kernel * l->kernel,
                              .channels = l->in.c,
                              .taps = l->kernel });
}

/* Output pixel `pixel` of a dense layer, whose weights are in c,h,w order on both sides. */
static void
add_dense(CbiganFilter *f, const CbiganLayer *l, int pixel)
{
  for (int row = 0; row < l->in.h; row++)
    add_part(f, (CbiganPart){ .weight = l->weight + pixel * l->weight_stride + (gsize)row * l->in.w,
                              .output_stride = l->weight_stride * (gsize)(l->out.h * l->out.w),
                              .channel_stride = (gsize)l->in.h * l->in.w,
                              .channels = l->in.c,
                              .taps = l->in.w });
}

/* `last`: the layer that completes the output */
static CbiganFilter *
add_filter(CbiganStep *step, const CbiganLayer *last, int w)
{
  CbiganFilter *f = &step->filters[step->n_filters++];
  *f = (CbiganFilter){ .w = w, .bias = last->bias, .bias_stride = 1 };
  f->packed.outputs = last->out.c;
  f->packed.slope = last->activation == CBIGAN_LEAKY ? CBIGAN_LEAKY_SLOPE : 1.0f;
  return f;
}

static gboolean
allocate_filter(CbiganFilter *f)
{
  gsize inputs = 0;
  for (int i = 0; i < f->n_parts; i++)
    inputs += (gsize)f->parts[i].channels * f->parts[i].taps;
  f->packed.weights = f->weights = cbigan_cpu_memory(inputs * f->packed.outputs * sizeof(float));
  f->packed.bias = f->biases = cbigan_cpu_memory(f->packed.outputs * sizeof(float));
  return f->weights && f->biases;
}

void
cbigan_cpu_filter_pack(CbiganFilter *f, const float *parameters)
{
  float *out = f->weights;
  for (int o = 0, chunk; o < f->packed.outputs; o += chunk) {
    chunk = cbigan_cpu_chunk(f->packed.outputs, f->packed.outputs - o, f->w);
    for (const CbiganPart *p = f->parts; p < f->parts + f->n_parts; p++)
      for (int i = 0; i < p->channels; i++)
        for (int t = 0; t < p->taps; t++)
          for (int k = o; k < o + chunk; k++)
            *out++ = parameters[p->weight + k * p->output_stride + i * p->channel_stride + t];
  }
  for (int o = 0; f->bias != CBIGAN_NO_OFFSET && o < f->packed.outputs; o++)
    f->biases[o] = parameters[f->bias + o * f->bias_stride];
}

/* --- steps ------------------------------------------------------------------------------------------------------ */

static gboolean
is_conv(const CbiganLayer *l, int kernel, CbiganActivation activation, gboolean accumulate)
{
  return l->kind == CBIGAN_CONV2D && l->kernel == kernel && l->activation == activation && l->accumulate == accumulate;
}

/* The step functions return how many of the n layers from l on they took: 0 = it is something else. */
static int
take_block(CbiganStep *step, const CbiganLayer *l, int n)
{
  gboolean up = l->kind == CBIGAN_UPSAMPLE;
  const CbiganLayer *skip = l + up, *first = skip + 1, *second = skip + 2, *closing = skip + 3, *pool = skip + 4;
  if (n < 4 + up || !is_conv(skip, 1, CBIGAN_LINEAR, FALSE) || !is_conv(first, 3, CBIGAN_LEAKY, FALSE) ||
      !is_conv(second, 3, CBIGAN_LEAKY, FALSE) || !is_conv(closing, 1, CBIGAN_LEAKY, TRUE) ||
      first->input != skip->input || second->input != first->output || closing->input != second->output ||
      closing->output != skip->output || skip->bias != CBIGAN_NO_OFFSET)
    return 0;
  gboolean halve = n > 4 + up && pool->kind == CBIGAN_AVGPOOL && pool->input == closing->output;
  step->kind = CBIGAN_STEP_BLOCK;
  step->inputs[step->n_inputs++] = l->input;
  step->output = halve ? pool->output : closing->output;
  step->full = closing->out;
  step->upsample = up;
  step->avgpool = halve;
  add_conv(add_filter(step, first, first->out.w), first);
  add_conv(add_filter(step, second, second->out.w), second);
  CbiganFilter *both = add_filter(step, closing, closing->out.w);
  add_conv(both, closing);
  add_conv(both, skip);
  return 4 + up + halve;
}

static int
take_conv(CbiganStep *step, const CbiganLayer *l, int n)
{
  if (l->kind != CBIGAN_CONV2D || l->accumulate)
    return 0;
  step->kind = CBIGAN_STEP_CONV2D;
  step->inputs[step->n_inputs++] = l->input;
  step->output = l->output;
  step->full = l->out;
  step->tanh = l->activation == CBIGAN_TANH;
  add_conv(add_filter(step, l, l->out.w), l);
  return 1;
}

/* One dense layer, or two that add up where the second follows at once. */
static int
take_dense(CbiganStep *step, const CbiganLayer *l, int n)
{
  int pixels = l->out.h * l->out.w;
  if (l->kind != CBIGAN_DENSE || l->accumulate || l->activation == CBIGAN_TANH || pixels > CBIGAN_MAX_FILTERS)
    return 0;
  gboolean two = n > 1 && l[1].kind == CBIGAN_DENSE && l[1].accumulate && l[1].output == l->output;
  if (l->in.h + (two ? l[1].in.h : 0) > CBIGAN_MAX_PARTS ||
      (two && (l->activation != CBIGAN_LINEAR || l->bias != CBIGAN_NO_OFFSET || l[1].activation == CBIGAN_TANH)))
    return 0;
  const CbiganLayer *last = l + two;
  step->kind = CBIGAN_STEP_DENSE;
  for (int i = 0; i <= two; i++)
    step->inputs[step->n_inputs++] = l[i].input;
  step->output = l->output;
  step->full = l->out;
  for (int pixel = 0; pixel < pixels; pixel++) {
    CbiganFilter *f = add_filter(step, last, 1);
    for (int i = 0; i <= two; i++)
      add_dense(f, &l[i], pixel);
    f->bias = last->bias == CBIGAN_NO_OFFSET ? CBIGAN_NO_OFFSET : last->bias + pixel;
    f->bias_stride = (gsize)pixels;
  }
  return 1 + two;
}

static gboolean
find_steps(CbiganCpuFused *self, int n_layers)
{
  static int (*const takers[])(CbiganStep *, const CbiganLayer *, int) = { take_block, take_conv, take_dense };
  self->steps = g_new0(CbiganStep, n_layers);
  for (int i = 0, taken = 0; i < n_layers; i += taken) {
    CbiganStep *step = &self->steps[self->n_steps++];
    taken = 0;
    for (guint k = 0; k < G_N_ELEMENTS(takers) && !taken; k++)
      taken = takers[k](step, &self->network->layers[i], n_layers - i);
    if (!taken)
      return FALSE;
    for (int k = 0; k < step->n_filters; k++)
      if (!allocate_filter(&step->filters[k]))
        return FALSE;
  }
  return TRUE;
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

static gsize
blocked_size(const CbiganCpuFused *self, CbiganShape s, int rows) /* floats */
{
  return (gsize)rows * s.c * (s.w + 2) * self->kernels->lanes;
}

/* FALSE: a value that somebody wants is none that the steps write. */
static gboolean
place_values(CbiganCpuFused *self, const int *keep)
{
  int n = self->network->n_values;
  g_autofree gboolean *written = g_new0(gboolean, n);
  gsize size = 0, scratch = 0;
  self->transfer = g_new0(gboolean, n);
  self->offsets = g_new0(gsize, n);
  for (int i = 0; i < self->n_steps; i++) {
    const CbiganStep *step = &self->steps[i];
    CbiganShape in = { self->network->values[step->inputs[0]].shape.c, step->full.h, step->full.w };
    written[step->output] = TRUE;
    for (int k = 0; k < step->n_inputs; k++)
      if (step->inputs[k] < self->network->n_inputs)
        self->transfer[step->inputs[k]] = written[step->inputs[k]] = TRUE;
    if (step->kind == CBIGAN_STEP_BLOCK) /* rings: x', t, the second 3x3's row, two rows before avgpool */
      scratch = MAX(scratch, blocked_size(self, in, 4) + blocked_size(self, step->full, 4 + 1 + 2));
  }
  self->transfer[self->steps[self->n_steps - 1].output] = TRUE;
  for (; keep && *keep >= 0; keep++) {
    if (!written[*keep] && *keep >= self->network->n_inputs)
      return FALSE;
    self->transfer[*keep] |= written[*keep];
  }
  for (int v = 0; v < n; v++) {
    self->offsets[v] = size;
    if (written[v])
      size += blocked_size(self, self->network->values[v].shape, self->network->values[v].shape.h);
  }
  self->scratch = size;
  self->workspaces = g_new0(float *, self->backend->base.threads);
  int groups = (self->batch + self->kernels->lanes - 1) / self->kernels->lanes;
  for (int wanted = MIN(self->backend->base.threads, groups); self->n_workspaces < wanted; self->n_workspaces++)
    if (!(self->workspaces[self->n_workspaces] = cbigan_cpu_memory((size + scratch) * sizeof(float))))
      return FALSE;
  return TRUE;
}

static void
fused_free(CbiganFused *base)
{
  CbiganCpuFused *self = (CbiganCpuFused *)base;
  for (int i = 0; i < self->n_steps; i++)
    for (int k = 0; k < self->steps[i].n_filters; k++) {
      free(self->steps[i].filters[k].weights);
      free(self->steps[i].filters[k].biases);
    }
  for (int i = 0; i < self->n_workspaces; i++)
    free(self->workspaces[i]);
  g_free(self->steps);
  g_free(self->transfer);
  g_free(self->offsets);
  g_free(self->workspaces);
  g_free(self);
}

static void
fused_load(CbiganFused *base, const float *parameters)
{
  CbiganCpuFused *self = (CbiganCpuFused *)base;
  for (int i = 0; i < self->n_steps; i++)
    for (int k = 0; k < self->steps[i].n_filters; k++)
      cbigan_cpu_filter_pack(&self->steps[i].filters[k], parameters);
}

CbiganFused *
cbigan_cpu_fuse_always(CbiganBackend *base, const CbiganNetwork *network, int n_layers, int batch, const int *keep)
{
  const CbiganCpu *backend = (const CbiganCpu *)base;
  if (!backend->isa)
    return NULL;
  CbiganCpuFused *self = g_new0(CbiganCpuFused, 1);
  *self = (CbiganCpuFused){ .base = { .load = fused_load, .run = cbigan_cpu_fused_run, .free = fused_free },
                            .backend = backend,
                            .kernels = backend->isa->kernels,
                            .network = network,
                            .batch = batch };
  if (find_steps(self, n_layers) && place_values(self, keep))
    return &self->base;
  fused_free(&self->base);
  return NULL;
}

/* Every thread works on whole groups of `lanes` samples, so as many must be there as keep all of them busy. */
CbiganFused *
cbigan_cpu_fuse(CbiganBackend *base, const CbiganNetwork *network, int n_layers, int batch, const int *keep)
{
  const CbiganIsa *isa = ((const CbiganCpu *)base)->isa;
  if (!isa || network->width > isa->widest)
    return NULL;
  int round = isa->kernels->lanes * base->threads, rounds = (batch + round - 1) / round;
  return 4 * batch >= 3 * rounds * round ? cbigan_cpu_fuse_always(base, network, n_layers, batch, keep) : NULL;
}
