/* conv1x1.c - 1x1 convolutions of few channels by own kernels, forward and backward
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Such a layer is bound by memory; oneDNN's kernels and matrix products fill vectors with channels and take several
 * times as long. Threads share the pixels in equal parts, each with its own sums of the weights' gradient, which are
 * added in the threads' order, so equal inputs and thread counts give equal bits.
 */
#include "conv1x1.h"

#include <stdlib.h>

#define CHUNK 1024 /* pixels at a time: what their rows of x and y take stays in a first-level cache */

struct _CbiganCpuConv1 {
  CbiganCpu *backend;
  const CbiganLayer *layer;
  gsize pixels;
  const CbiganChannels *channels;
  CbiganPixelwise forward, backward; /* backward: from the output's gradient to the input's */
  float *weights, *bias, *turned, *zeros;
  double *products; /* (threads, outputs, inputs) */
};

static const CbiganChannels *
choose(const CbiganCpu *backend, const CbiganLayer *l)
{
  const CbiganChannels *const *c = backend->isa ? backend->isa->channels : NULL;
  while (c && *c &&
         !(cbigan_pixelwise_fits(l->in.c, l->out.c, (*c)->vector) &&
           cbigan_pixelwise_fits(l->out.c, l->in.c, (*c)->vector)))
    c++;
  return c ? *c : NULL;
}

CbiganCpuConv1 *
cbigan_cpu_conv1_new(CbiganCpu *backend, const CbiganLayer *l, int batch)
{
  const CbiganChannels *channels = l->kind == CBIGAN_CONV2D && l->kernel == 1 ? choose(backend, l) : NULL;
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

/* The chunk's pixels; tanh: of what it made, while that is in the cache */
static void
map_chunk(const CbiganCpuConv1 *self, const CbiganPixelwise *p, gboolean tanh, gsize first, const float *x,
          gboolean accumulate, float *y)
{
  const CbiganKernels *kernels = self->backend->isa->many;
  gsize n = MIN(CHUNK, self->pixels - first), floats = n * (gsize)p->outputs;
  float *to = y + first * (gsize)p->outputs;
  self->channels->pixelwise(p, x + first * (gsize)p->inputs, n, accumulate, to);
  if (tanh)
    kernels->tanh(to, 0, 1, (int)(floats / (gsize)kernels->lanes));
}

static void
map_all(const CbiganCpuConv1 *self, const CbiganPixelwise *p, gboolean tanh, const float *x, gboolean accumulate,
        float *y)
{
#pragma omp parallel for schedule(dynamic) num_threads(self->backend->base.threads) if (self->pixels > CHUNK)
  for (gsize first = 0; first < self->pixels; first += CHUNK)
    map_chunk(self, p, tanh, first, x, accumulate, y);
}

void
cbigan_cpu_conv1_run(CbiganCpuConv1 *self, const float *x, float *y)
{
  map_all(self, &self->forward, self->layer->activation == CBIGAN_TANH, x, self->layer->accumulate, y);
}

void
cbigan_cpu_conv1_data(CbiganCpuConv1 *self, const float *dy, float *dx, gboolean accumulate)
{
  map_all(self, &self->backward, FALSE, dy, accumulate, dx);
}

void
cbigan_cpu_conv1_weights(CbiganCpuConv1 *self, const float *x, const float *dy, float *gradients)
{
  const CbiganLayer *l = self->layer;
  const gsize inputs = (gsize)l->in.c, outputs = (gsize)l->out.c, size = inputs * outputs;
  const gsize chunks = (self->pixels + CHUNK - 1) / CHUNK, parts = MIN((gsize)self->backend->base.threads, chunks);
#pragma omp parallel for num_threads((int)parts) if (parts > 1)
  for (gsize part = 0; part < parts; part++) {
    double *products = self->products + part * size;
    for (gsize k = 0; k < size; k++)
      products[k] = 0.0;
    for (gsize chunk = chunks * part / parts; chunk < chunks * (part + 1) / parts; chunk++) {
      gsize first = chunk * CHUNK;
      self->channels->pixelwise_products((int)inputs, (int)outputs, x + first * inputs, dy + first * outputs,
                                         MIN(CHUNK, self->pixels - first), products);
    }
  }
  for (gsize k = 0; k < size; k++) {
    double sum = 0.0;
    for (gsize part = 0; part < parts; part++)
      sum += self->products[part * size + k];
    gradients[l->weight + k / inputs * l->weight_stride + k % inputs] += (float)sum;
  }
}
