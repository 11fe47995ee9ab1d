/* conv1x1.c - 1x1 convolutions of few channels by own kernels, forward and backward
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Such a layer is bound by memory. oneDNN's kernels and matrix products fill vectors with channels and take several
 * times as long. Threads share the pixels. A weight gradient is made of one sum per part of the pixels. The number of
 * parts depends on base.threads, and their sums are added in order, so equal inputs and thread counts give equal bits.
 */
#include "conv1x1.h"

#include <stdlib.h>

#define CHUNK 1024 /* pixels at a time: their rows of x and y stay in a first-level cache */

struct _CbiganCpuConv1 {
  CbiganCpu *backend;
  const CbiganLayer *layer;
  gsize pixels;
  const CbiganCpuChannels *channels;
  CbiganPixelwise forward, backward; /* backward: from the output's gradient to the input's */
  float *weights, *bias, *turned, *zeros;
  double *products; /* (threads, outputs, inputs) */
};

static const CbiganCpuChannels *
choose(const CbiganCpu *backend, const CbiganLayer *l)
{
  const CbiganCpuChannels *const *c = backend->isa ? backend->isa->channels : NULL;
  while (c && *c &&
         !(cbigan_pixelwise_fits(l->in.c, l->out.c, (*c)->vector) &&
           cbigan_pixelwise_fits(l->out.c, l->in.c, (*c)->vector)))
    c++;
  return c ? *c : NULL;
}

CbiganCpuConv1 *
cbigan_cpu_conv1_new(CbiganCpu *backend, const CbiganLayer *l, int batch)
{
  const CbiganCpuChannels *channels = l->kind == CBIGAN_CONV2D && l->kernel == 1 ? choose(backend, l) : NULL;
  if (!channels || (l->activation == CBIGAN_TANH && cbigan_shape_size(l->out) % (gsize)backend->isa->many->lanes))
    return NULL; /* the kernels' tanh takes whole columns */
  CbiganCpuConv1 *self = g_new0(CbiganCpuConv1, 1);
  gsize vector = (gsize)channels->vector * sizeof(float);
  *self = (CbiganCpuConv1){ .backend = backend,
                            .layer = l,
                            .pixels = (gsize)batch * (gsize)(l->out.h * l->out.w),
                            .channels = channels,
                            .weights = cbigan_cpu_memory((gsize)l->in.c * vector),
                            .turned = cbigan_cpu_memory((gsize)l->out.c * vector),
                            .bias = cbigan_cpu_memory(vector),
                            .zeros = cbigan_cpu_memory(vector) };
  self->products = g_new(double, backend->base.threads * l->in.c * l->out.c);
  self->forward = (CbiganPixelwise){ l->in.c, l->out.c, self->weights, self->bias,
                                     l->activation == CBIGAN_LEAKY ? CBIGAN_LEAKY_SLOPE : 1.0f };
  self->backward = (CbiganPixelwise){ l->out.c, l->in.c, self->turned, self->zeros, 1.0f };
  if (self->weights && self->turned && self->bias && self->zeros)
    return self;
  cbigan_cpu_conv1_free(self);
  return NULL;
}

void
cbigan_cpu_conv1_free(CbiganCpuConv1 *self)
{
  if (!self)
    return;
  free(self->weights);
  free(self->turned);
  free(self->bias);
  free(self->zeros);
  g_free(self->products);
  g_free(self);
}

void
cbigan_cpu_conv1_load(CbiganCpuConv1 *self, const float *parameters)
{
  const CbiganLayer *l = self->layer;
  const int vector = self->channels->vector, inputs = l->in.c, outputs = l->out.c;
  const float *weights = parameters + l->weight; /* (outputs, inputs), rows weight_stride apart */
  for (int k = 0; k < vector; k++) {
    for (int i = 0; i < inputs; i++)
      self->weights[i * vector + k] = weights[(gsize)(k % outputs) * l->weight_stride + (gsize)i];
    for (int o = 0; o < outputs; o++)
      self->turned[o * vector + k] = weights[(gsize)o * l->weight_stride + (gsize)(k % inputs)];
    self->bias[k] = l->bias == CBIGAN_NO_OFFSET ? 0.0f : parameters[l->bias + (gsize)(k % outputs)];
  }
}

typedef struct {
  const CbiganCpuConv1 *self;
  const CbiganPixelwise *pixelwise;
  gboolean tanh, accumulate;
  const float *x, *dy;
  float *y;
  int parts; /* of the pixels, each with sums of its own */
} Job;

static void
map_chunk(gpointer data, int turn, int chunk, int thread)
{
  const Job *j = data;
  const CbiganCpuConv1 *self = j->self;
  const CbiganPixelwise *p = j->pixelwise;
  const CbiganCpuKernels *kernels = self->backend->isa->many;
  gsize first = (gsize)chunk * CHUNK, n = MIN(CHUNK, self->pixels - first), floats = n * (gsize)p->outputs;
  float *to = j->y + first * (gsize)p->outputs;
  self->channels->pixelwise(p, j->x + first * (gsize)p->inputs, n, j->accumulate, to);
  if (j->tanh) /* while the chunk is in the cache */
    kernels->tanh(to, 0, 1, (int)(floats / (gsize)kernels->lanes));
}

static int
count_chunks(const CbiganCpuConv1 *self)
{
  return (int)((self->pixels + CHUNK - 1) / CHUNK);
}

void
cbigan_cpu_conv1_run(CbiganCpuConv1 *self, const float *x, float *y)
{
  const CbiganLayer *l = self->layer;
  Job job = { self, &self->forward, l->activation == CBIGAN_TANH, l->accumulate, .x = x, .y = y };
  cbigan_cpu_parallel(self->backend, count_chunks(self), map_chunk, &job);
}

void
cbigan_cpu_conv1_data(CbiganCpuConv1 *self, const float *dy, float *dx, gboolean accumulate)
{
  Job job = { self, &self->backward, FALSE, accumulate, .x = dy, .y = dx };
  cbigan_cpu_parallel(self->backend, count_chunks(self), map_chunk, &job);
}

static void
add_products(gpointer data, int turn, int part, int thread)
{
  const Job *j = data;
  const CbiganCpuConv1 *self = j->self;
  const int inputs = self->layer->in.c, outputs = self->layer->out.c;
  const gsize size = (gsize)(inputs * outputs), chunks = (gsize)count_chunks(self), parts = (gsize)j->parts;
  double *products = self->products + (gsize)part * size;
  for (gsize k = 0; k < size; k++)
    products[k] = 0.0;
  for (gsize chunk = chunks * (gsize)part / parts; chunk < chunks * ((gsize)part + 1) / parts; chunk++) {
    gsize first = chunk * CHUNK;
    self->channels->pixelwise_products(inputs, outputs, j->x + first * (gsize)inputs, j->dy + first * (gsize)outputs,
                                       MIN(CHUNK, self->pixels - first), products);
  }
}

void
cbigan_cpu_conv1_weights(CbiganCpuConv1 *self, const float *x, const float *dy, float *gradients)
{
  const CbiganLayer *l = self->layer;
  const gsize inputs = (gsize)l->in.c, size = inputs * (gsize)l->out.c;
  Job job = { self, .x = x, .dy = dy, .parts = MIN(self->backend->base.threads, count_chunks(self)) };
  cbigan_cpu_parallel(self->backend, job.parts, add_products, &job);
  for (gsize k = 0; k < size; k++) {
    double sum = 0.0;
    for (int part = 0; part < job.parts; part++)
      sum += self->products[(gsize)part * size + k];
    gradients[l->weight + k / inputs * l->weight_stride + k % inputs] += (float)sum;
  }
}
