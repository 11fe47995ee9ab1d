/* fused.c - fused layers as a forward pass sees them: opening, loading, running
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All memory is one allocation: values, scratch, weights. Weights are packed into it, so graphs hold through a load()
 * of the same parameters; biases and matrices are read where they are, so other parameters are another set of pointers.
 */
#include "fused.h"

#include "i18n.h"

/* Scratch that steps of cuDNN's need at most: see CbiganCudaFused.scratch. */
static void
size_scratch(const CbiganCudaFused *self, gsize sizes[2])
{
  for (int i = 0; i < self->n_steps; i++) {
    const CbiganCudaStep *step = &self->steps[i];
    if (step->kind != CBIGAN_CUDA_CONVOLVE)
      continue;
    const CbiganShape sum = cbigan_cuda_step_shape(step), wide = step->parts[0].layer->in;
    const CbiganShape aside = step->n_parts > 1 ? sum : wide;
    if (step->n_parts > 1 || step->parts[0].doubles)
      sizes[0] = MAX(sizes[0], cbigan_cuda_value_size(aside, self->batch, self->narrow));
    sizes[1] = MAX(sizes[1], cbigan_cuda_value_size(sum, self->batch, self->narrow));
  }
}

static gsize
size_weights(const CbiganCudaFused *self, const CbiganLayer *l)
{
  return cbigan_cuda_round_up(
      self->narrow
          ? cbigan_cuda_value_size((CbiganShape){ l->in.c, l->kernel, l->kernel },
                                   (l->out.c + CBIGAN_CUDA_EIGHT - 1) / CBIGAN_CUDA_EIGHT * CBIGAN_CUDA_EIGHT, TRUE)
          : cbigan_cuda_weights_size(l) * sizeof(float));
}

/* Sets all pointers into the memory, which is NULL at first; returns the bytes that it must have. */
static gsize
lay_out(CbiganCudaFused *self, gsize values)
{
  char *memory = (char *)self->memory;
  gsize scratch[2] = { 0 }, at = values;
  size_scratch(self, scratch);
  for (int v = 0; v < self->network->n_values; v++) {
    const gsize *offsets = self->places[v].offsets;
    self->places[v].floats = offsets[0] == CBIGAN_NO_OFFSET ? NULL : (float *)(gpointer)(memory + offsets[0]);
    self->places[v].narrow = offsets[1] == CBIGAN_NO_OFFSET ? NULL : memory + offsets[1];
  }
  for (int i = 0; i < 2; at += cbigan_cuda_round_up(scratch[i]), i++)
    self->scratch[i] = memory + at;
  for (int i = 0; i < self->n_steps; i++) {
    CbiganCudaStep *step = &self->steps[i];
    for (int k = 0; k < step->n_parts; k++) {
      step->parts[k].weights = memory + at;
      at += size_weights(self, step->parts[k].layer);
    }
    if (step->kind == CBIGAN_CUDA_CONVOLVE) {
      step->bias = (float *)(gpointer)(memory + at);
      at += cbigan_cuda_round_up((gsize)cbigan_cuda_in_eights(cbigan_cuda_step_shape(step), self->narrow).c *
                                 sizeof(float));
    }
  }
  return at;
}

/* The skip of an upsampled input is convolved before it is upsampled. */
static gboolean
describe(CbiganCudaFused *self, const CbiganCudaStep *step, CbiganCudaPart *part)
{
  const CbiganLayer *l = part->layer;
  CbiganShape in = cbigan_cuda_in_eights(l->in, self->narrow), out = cbigan_cuda_in_eights(l->out, self->narrow);
  if (part->doubles && part != &step->parts[0]) {
    in.h /= 2, in.w /= 2;
    out.h /= 2, out.w /= 2;
  }
  return cbigan_cuda_convolution_describe(self->cuda, &part->convolution, in, out, l->kernel, self->batch,
                                          cbigan_cuda_fused_type(self));
}

static gboolean
describe_all(CbiganCudaFused *self)
{
  for (int i = 0; i < self->n_steps; i++)
    for (int k = 0; k < self->steps[i].n_parts; k++)
      if (!describe(self, &self->steps[i], &self->steps[i].parts[k]))
        return FALSE;
  return TRUE;
}

static void
fused_free(CbiganFused *base)
{
  CbiganCudaFused *self = (CbiganCudaFused *)base;
  cbigan_cuda_enter(self->cuda);
  cbigan_cuda_graphs_clear(self->cuda, &self->graphs);
  for (int i = 0; i < self->n_steps; i++)
    for (int k = 0; k < self->steps[i].n_parts; k++)
      cbigan_cuda_convolution_clear(&self->steps[i].parts[k].convolution);
  if (self->memory)
    cbigan_cuda_free(&self->cuda->base, self->memory);
  g_free(self->steps);
  g_free(self->places);
  g_free(base->inputs);
  g_free(base->outputs);
  g_free(self);
}

/* Channels of the bias behind the last one stay zero. */
static void
load_step(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganLayer *l;
  for (int k = 0; k < step->n_parts; k++) {
    l = step->parts[k].layer;
    if (self->narrow)
      CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_filter_narrow(self->type, l->out.c, l->in.c, l->kernel * l->kernel,
                                                                   self->parameters + l->weight, l->weight_stride,
                                                                   step->parts[k].weights, self->cuda->stream));
    else
      cbigan_cuda_load_weights(self->cuda, l, self->parameters, step->parts[k].weights);
  }
  l = step->parts[0].layer;
  if (step->way == CBIGAN_CUDA_GRAPH && l->bias != CBIGAN_NO_OFFSET)
    CBIGAN_CUDA_TRY(self->cuda, cudaMemcpyAsync(step->bias, self->parameters + l->bias, (gsize)l->out.c * sizeof(float),
                                                cudaMemcpyDeviceToDevice, self->cuda->stream));
}

static void
fused_load(CbiganFused *base, const float *parameters)
{
  CbiganCudaFused *self = (CbiganCudaFused *)base;
  self->parameters = parameters;
  cbigan_cuda_enter(self->cuda);
  for (int i = 0; i < self->n_steps; i++)
    if (self->steps[i].kind == CBIGAN_CUDA_CONVOLVE)
      load_step(self, &self->steps[i]);
}

static void
enqueue(gpointer data)
{
  CbiganCudaFused *self = data;
  cbigan_cuda_steps_run(self, self->steps, self->n_steps);
}

static void
fused_run(CbiganFused *base, float *const *values)
{
  CbiganCudaFused *self = (CbiganCudaFused *)base;
  const void **pointers = self->graphs.pointers;
  *pointers++ = self->parameters;
  *pointers++ = self->cuda->workspace; /* another one after somebody asked for more */
  for (const int *v = base->inputs; *v >= 0; v++)
    *pointers++ = values[*v];
  for (const int *v = base->outputs; *v >= 0; v++)
    *pointers++ = values[*v];
  self->values = values;
  cbigan_cuda_enter(self->cuda);
  cbigan_cuda_graphs_run(self->cuda, &self->graphs, enqueue, self);
}

static int
count(const int *values)
{
  int n = 0;
  while (values[n] >= 0)
    n++;
  return n;
}

CbiganFused *
cbigan_cuda_fused_open(CbiganCudaFused *self, gsize values)
{
  CbiganBackend *base = &self->cuda->base;
  self->base.load = fused_load;
  self->base.run = fused_run;
  self->base.free = fused_free;
  cbigan_cuda_graphs_init(&self->graphs, 2 + count(self->base.inputs) + count(self->base.outputs));
  cbigan_cuda_enter(self->cuda);
  const gsize size = MAX(lay_out(self, values), sizeof(float));
  if (self->n_steps && !(self->memory = cbigan_cuda_alloc(base, (size + sizeof(float) - 1) / sizeof(float))))
    cbigan_backend_fail(base, _("backend “cuda”: out of memory (%.1f MiB more needed)"), (double)size / 1048576.0);
  lay_out(self, values);
  if (self->n_steps && self->memory && describe_all(self) && cbigan_cuda_fused_choose(self))
    return &self->base;
  fused_free(&self->base);
  return NULL;
}
