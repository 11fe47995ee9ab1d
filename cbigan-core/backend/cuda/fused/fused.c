/* fused.c - opens, loads and runs a plan of several layers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Values, scratch and weights are one allocation. load() packs the weights into it, so a graph stays valid when the
 * same parameters are loaded again. Biases and dense matrices are read from the parameters themselves, so other
 * parameters need another graph.
 */
#include "fused.h"

#include "backend/cuda/memory.h"
#include "i18n.h"

/* Bytes of scratch that the CONVOLVE steps need at most: see CbiganCudaFused.scratch. */
static void
size_scratch(const CbiganCudaFused *self, gsize sizes[2])
{
  for (int i = 0; i < self->n_steps; i++) {
    const CbiganCudaStep *step = &self->steps[i];
    if (step->kind != CBIGAN_CUDA_CONVOLVE)
      continue;
    const CbiganShape sum = step->layer->out, aside = step->n_products > 1 ? sum : step->layer->in;
    if (step->n_products > 1 || step->products[0].upsamples)
      sizes[0] = MAX(sizes[0], cbigan_cuda_value_size(aside, self->batch, self->is_half));
    sizes[1] = MAX(sizes[1], cbigan_cuda_value_size(sum, self->batch, self->is_half));
  }
}

/* Bytes of a convolution's packed weights */
static gsize
size_weights(const CbiganCudaFused *self, const CbiganLayer *l)
{
  const CbiganShape row = { l->in.c, l->kernel, l->kernel }, rows = { l->out.c, 1, 1 };
  return cbigan_cuda_value_size(row, cbigan_cuda_padded(rows, self->is_half).c, self->is_half);
}

/* Sets all pointers into the memory; returns the bytes that it must have. Called first with no memory, for its size. */
static gsize
lay_out(CbiganCudaFused *self, gsize values)
{
  char *memory = (char *)self->memory;
  gsize scratch[2] = { 0 }, at = values;
  size_scratch(self, scratch);
  for (int v = 0; v < self->network->n_values; v++) {
    const gsize *offsets = self->places[v].offsets;
    self->places[v].floats = offsets[0] == CBIGAN_NO_OFFSET ? NULL : (float *)(gpointer)(memory + offsets[0]);
    self->places[v].half = offsets[1] == CBIGAN_NO_OFFSET ? NULL : memory + offsets[1];
  }
  for (int i = 0; i < 2; at += cbigan_cuda_round_up(scratch[i]), i++)
    self->scratch[i] = memory + at;
  for (int i = 0; i < self->n_steps; i++) {
    CbiganCudaStep *step = &self->steps[i];
    for (int k = 0; k < step->n_products && step->kind != CBIGAN_CUDA_DENSE; k++) {
      step->products[k].weights = memory + at;
      at += cbigan_cuda_round_up(size_weights(self, step->products[k].layer));
    }
  }
  return at;
}

/* A skip is convolved before it is upsampled: both are linear, so their order does not matter. */
static gboolean
init_convolution(CbiganCudaFused *self, const CbiganCudaStep *step, CbiganCudaProduct *product)
{
  const CbiganLayer *l = product->layer;
  CbiganCudaConvolutionShape shape = { cbigan_cuda_padded(l->in, self->is_half),
                                       cbigan_cuda_padded(l->out, self->is_half), l->kernel, self->batch,
                                       CUDNN_DATA_FLOAT };
  if (self->is_half)
    shape.type = self->type == CBIGAN_CUDA_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_HALF;
  if (product->upsamples && product != &step->products[0]) {
    shape.in.h /= 2, shape.in.w /= 2;
    shape.out.h /= 2, shape.out.w /= 2;
  }
  return cbigan_cuda_convolution_init(self->base.cuda, &product->convolution, CBIGAN_CUDA_FORWARD, &shape);
}

static gboolean
init_convolutions(CbiganCudaFused *self)
{
  for (int i = 0; i < self->n_steps; i++)
    for (int k = 0; k < self->steps[i].n_products && self->steps[i].kind == CBIGAN_CUDA_CONVOLVE; k++)
      if (!init_convolution(self, &self->steps[i], &self->steps[i].products[k]))
        return FALSE;
  return TRUE;
}

static void
fused_free(CbiganPlan *base)
{
  CbiganCudaFused *self = (CbiganCudaFused *)base;
  cbigan_cuda_enter(&self->base.cuda->base);
  cbigan_cuda_graphs_clear(self->base.cuda, &self->graphs);
  for (int i = 0; i < self->n_steps; i++)
    for (int k = 0; k < self->steps[i].n_products; k++)
      cbigan_cuda_convolution_clear(&self->steps[i].products[k].convolution);
  if (self->memory)
    cbigan_cuda_free(&self->base.cuda->base, self->memory);
  g_free(self->steps);
  g_free(self->places);
  g_free(base->inputs);
  g_free(base->outputs);
  g_free(self);
}

static void
load_weights(const CbiganCudaFused *self, const CbiganCudaProduct *product)
{
  const CbiganLayer *l = product->layer;
  if (self->is_half)
    CBIGAN_CUDA_TRY(self->base.cuda,
                    cbigan_cuda_launch_half_weights(self->type, l->out.c, l->in.c, l->kernel * l->kernel,
                                                    self->parameters + l->weight, l->weight_stride, product->weights,
                                                    self->base.cuda->stream));
  else
    cbigan_cuda_load_weights(self->base.cuda, l, self->parameters, product->weights);
}

static void
fused_load(CbiganCudaPlan *base, const float *parameters)
{
  CbiganCudaFused *self = (CbiganCudaFused *)base;
  self->parameters = parameters;
  for (int i = 0; i < self->n_steps; i++)
    for (int k = 0; k < self->steps[i].n_products && self->steps[i].kind != CBIGAN_CUDA_DENSE; k++)
      load_weights(self, &self->steps[i].products[k]);
}

static void
enqueue(gpointer data)
{
  cbigan_cuda_fused_launch(data);
}

static void
fused_run(CbiganCudaPlan *base, float *const *values)
{
  CbiganCudaFused *self = (CbiganCudaFused *)base;
  const void **pointers = self->graphs.pointers;
  *pointers++ = self->parameters;
  *pointers++ = self->base.cuda->workspace; /* moves when another convolution enlarges it */
  for (const int *v = base->base.inputs; *v >= 0; v++)
    *pointers++ = values[*v];
  for (const int *v = base->base.outputs; *v >= 0; v++)
    *pointers++ = values[*v];
  self->values = values;
  cbigan_cuda_graphs_run(self->base.cuda, &self->graphs, enqueue, self);
}

static int
count(const int *values)
{
  int n = 0;
  while (values[n] >= 0)
    n++;
  return n;
}

CbiganPlan *
cbigan_cuda_fused_open(CbiganCudaFused *self, gsize values)
{
  CbiganBackend *base = &self->base.cuda->base;
  CbiganPlan *plan = &self->base.base;
  self->base.load = fused_load;
  self->base.run = fused_run;
  plan->free = fused_free;
  cbigan_cuda_graphs_init(&self->graphs, 2 + count(plan->inputs) + count(plan->outputs));
  const gsize size = MAX(lay_out(self, values), sizeof(float));
  if (self->n_steps && !(self->memory = cbigan_cuda_alloc(base, (size + sizeof(float) - 1) / sizeof(float))))
    cbigan_backend_fail(base, _("backend “cuda”: out of memory (%.1f MiB more needed)"), (double)size / 1048576.0);
  lay_out(self, values);
  if (self->memory && init_convolutions(self))
    return plan;
  fused_free(plan);
  return NULL;
}
