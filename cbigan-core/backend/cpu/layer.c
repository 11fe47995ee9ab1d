/* layer.c - plans of one layer: oneDNN for convolutions, own kernels for the rest and for training's convolutions
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cpu/simd/conv1x1.h"
#include "backend/cpu/simd/conv3x3.h"
#include "fused.h"

#include <stdlib.h>

static void
layer_free(CbiganPlan *base)
{
  CbiganCpuLayer *self = (CbiganCpuLayer *)base;
  cbigan_cpu_conv1_free(self->conv1);
  cbigan_cpu_conv3_free(self->conv3);
  cbigan_cpu_pieces_clear(&self->operation);
  cbigan_cpu_pieces_clear(&self->pack);
  free(self->weights);
  free(self->bias);
  g_free(base->inputs);
  g_free(base->outputs);
  g_free(self);
}

gboolean
cbigan_cpu_plan_weights(CbiganCpuLayer *self, const CbiganCpuLayout *file, const CbiganCpuLayout *packed, gsize size,
                        GError **error)
{
  const CbiganLayer *layer = self->layer;
  if (!cbigan_cpu_reorder_init(self->base.cpu, &self->pack, layer->name, file, packed, FALSE, error))
    return FALSE;
  self->weights = cbigan_cpu_memory(size);
  if (layer->bias != CBIGAN_NO_OFFSET)
    self->bias = cbigan_cpu_memory(cbigan_shape_size(layer->out) * sizeof(float));
  if (!self->weights || (layer->bias != CBIGAN_NO_OFFSET && !self->bias))
    return cbigan_cpu_check(dnnl_out_of_memory, layer->name, error);
  return TRUE;
}

static void
layer_load(CbiganCpuPlan *base, const float *parameters)
{
  CbiganCpuLayer *self = (CbiganCpuLayer *)base;
  const CbiganLayer *layer = self->layer;
  if (self->conv1)
    cbigan_cpu_conv1_load(self->conv1, parameters);
  if (self->conv3)
    cbigan_cpu_conv3_load(self->conv3, parameters);
  if (!self->weights)
    return;
  cbigan_cpu_execute(base->cpu, &self->pack, DNNL_ARG_FROM, parameters + layer->weight, DNNL_ARG_TO, self->weights);
  if (!self->bias)
    return;
  int pixels = layer->kind == CBIGAN_CONV2D ? 1 : layer->out.h * layer->out.w;
  for (int i = 0; i < pixels; i++)
    for (int c = 0; c < layer->out.c; c++)
      self->bias[i * layer->out.c + c] = parameters[layer->bias + c * pixels + i];
}

void
cbigan_cpu_layer_run(CbiganCpuPlan *base, float *const *values)
{
  CbiganCpuLayer *self = (CbiganCpuLayer *)base;
  const float *x = values[self->layer->input];
  float *y = values[self->layer->output];
  if (self->conv1)
    cbigan_cpu_conv1_run(self->conv1, x, y);
  else if (self->conv3)
    cbigan_cpu_conv3_run(self->conv3, x, y);
  else if (self->layer->kind == CBIGAN_DENSE)
    cbigan_cpu_dense(self, x, y);
  else if (self->layer->kind == CBIGAN_UPSAMPLE)
    cbigan_cpu_upsample(self, x, y);
  else if (self->layer->kind == CBIGAN_AVGPOOL)
    cbigan_cpu_avgpool(self, x, y);
  else
    cbigan_cpu_execute(base->cpu, &self->operation, DNNL_ARG_SRC, x, DNNL_ARG_DST, y);
}

/* Only training takes own kernels: their 3x3 convolutions round more than oneDNN's, which scoring uses. */
static gboolean
plan_own(CbiganCpuLayer *self)
{
  CbiganCpu *cpu = self->base.cpu;
  if (cpu->base.purpose != CBIGAN_FOR_TRAINING)
    return FALSE;
  self->conv1 = cbigan_cpu_conv1_new(cpu, self->layer, self->batch);
  self->conv3 = cbigan_cpu_conv3_new(cpu, self->layer, self->batch, CBIGAN_CPU_CONV3_FORWARD);
  return self->conv1 || self->conv3;
}

CbiganPlan *
cbigan_cpu_plan_layer(CbiganCpu *cpu, const CbiganNetwork *network, int layer, int batch, GError **error)
{
  static gboolean (*const planners[])(CbiganCpuLayer *, GError **) = {
    [CBIGAN_CONV2D] = cbigan_cpu_plan_conv2d,
    [CBIGAN_DENSE] = cbigan_cpu_plan_dense,
    [CBIGAN_UPSAMPLE] = NULL,
    [CBIGAN_AVGPOOL] = NULL,
  };
  CbiganCpuLayer *self = g_new0(CbiganCpuLayer, 1);
  self->base = (CbiganCpuPlan){
    .base = { .n_layers = 1, .free = layer_free }, .cpu = cpu, .load = layer_load, .run = cbigan_cpu_layer_run
  };
  cbigan_network_boundary(network, layer, 1, layer + 1, CBIGAN_KEEP_ALL, &self->base.base.inputs,
                          &self->base.base.outputs);
  self->layer = &network->layers[layer];
  self->batch = batch;
  CbiganLayerKind kind = self->layer->kind;
  if (plan_own(self) || !planners[kind] || planners[kind](self, error))
    return &self->base.base;
  layer_free(&self->base.base);
  return NULL;
}
