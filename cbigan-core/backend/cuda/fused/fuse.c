/* fuse.c - turns layers into steps, and places their values in the fused memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A residual block (networks.c) becomes one RESIDUAL_BLOCK step or three CONVOLVE steps: two 3x3 convolutions, and the
 * closing 1x1 with the skip and the 2x2 mean. The block's upsampled input is never a value of its own. In bf16 and fp16
 * a value that convolutions read has a 16-bit form too; dense layers and the caller read floats.
 */
#include "fused.h"

#include "model/liveness.h"

/* Up to so many channels of input and output residual_block.cu does a block; beyond, and where it is 0, cuDNN does. No
 * GPU has measured these bounds: they follow from shared memory, and from cuDNN's padding of few channels. */
static const int own_block_channels[CBIGAN_N_PRECISIONS] = {
  [CBIGAN_PRECISION_FP32] = CBIGAN_CUDA_BLOCK_CHANNELS,
  [CBIGAN_PRECISION_BF16] = 0, /* tensor cores multiply 16-bit values, and residual_block.cu does not use them */
  [CBIGAN_PRECISION_FP16] = 0,
};

/* The network's steps on their way to steps of kernels */
typedef struct {
  CbiganCudaFused *self;
  gboolean *has_half; /* [n_values]: a step has written the value's 16-bit form */
} Builder;

static CbiganCudaStep *
add_step(Builder *b, CbiganCudaStepKind kind, const CbiganLayer *layer, int output)
{
  CbiganCudaStep *step = &b->self->steps[b->self->n_steps++];
  *step = (CbiganCudaStep){ .kind = kind, .layer = layer, .output = output };
  return step;
}

static void
add_rounding(Builder *b, int value)
{
  if (!b->self->is_half || b->has_half[value])
    return;
  add_step(b, CBIGAN_CUDA_ROUND, NULL, value);
  b->has_half[value] = TRUE;
}

static void
add_product(CbiganCudaStep *step, const CbiganLayer *layer, int input, gboolean upsamples)
{
  step->products[step->n_products++] = (CbiganCudaProduct){ .layer = layer, .input = input, .upsamples = upsamples };
}

static CbiganCudaStep *
add_convolution(Builder *b, const CbiganLayer *l, int input, gboolean upsamples, int output)
{
  add_rounding(b, input);
  CbiganCudaStep *step = add_step(b, CBIGAN_CUDA_CONVOLVE, l, output);
  add_product(step, l, input, upsamples);
  b->has_half[output] = TRUE;
  return step;
}

static CbiganCudaStep *
add_own_block(Builder *b, const CbiganStep *block, int input, int output)
{
  const CbiganLayer *l = block->closing;
  CbiganCudaStep *step = add_step(b, CBIGAN_CUDA_RESIDUAL_BLOCK, l, output);
  add_product(step, block->first, input, block->up != NULL);
  add_product(step, block->second, -1, FALSE);
  add_product(step, l, -1, FALSE);
  add_product(step, block->skip, input, block->up != NULL);
  step->tile = cbigan_cuda_residual_block_tile(l->out.c, l->out.h, l->out.w);
  return step;
}

static CbiganCudaStep *
add_cudnn_block(Builder *b, const CbiganStep *block, int input, int output)
{
  add_convolution(b, block->first, input, block->up != NULL, block->first->output);
  add_convolution(b, block->second, block->first->output, FALSE, block->second->output);
  CbiganCudaStep *step = add_convolution(b, block->closing, block->second->output, FALSE, output);
  add_product(step, block->skip, input, block->up != NULL);
  return step;
}

static gboolean
is_own_block(const Builder *b, const CbiganStep *block)
{
  return block->first->bias == CBIGAN_NO_OFFSET && block->second->bias == CBIGAN_NO_OFFSET &&
         MAX(block->first->in.c, block->first->out.c) <= own_block_channels[b->self->base.cuda->base.precision];
}

static void
take_step(Builder *b, const CbiganStep *step)
{
  const CbiganLayer *l = &b->self->network->layers[step->first_layer];
  if (step->kind == CBIGAN_STEP_BLOCK) {
    const int output = (step->pool ? step->pool : step->closing)->output;
    (is_own_block(b, step) ? add_own_block : add_cudnn_block)(b, step, l->input, output)->pools = step->pool != NULL;
  } else if (step->kind == CBIGAN_STEP_CONV) {
    add_convolution(b, l, l->input, FALSE, l->output);
  } else {
    for (const CbiganLayer *end = l + step->n_layers; l < end; l++)
      add_product(add_step(b, CBIGAN_CUDA_DENSE, l, l->output), l, l->input, FALSE);
  }
}

/* Takes whole steps of the network in a row, from layer `first` on. */
static void
find_steps(Builder *b, int first, int end, const int *keep)
{
  const CbiganNetwork *network = b->self->network;
  const CbiganStep *step = cbigan_network_step_of(network, first);
  const int stop = cbigan_network_same_sources(network, first, end);
  b->self->steps = g_new0(CbiganCudaStep, 2 * (stop - first)); /* per layer a step, and one that rounds its input */
  if (step->first_layer != first)
    return;
  for (; step < network->steps + network->n_steps && cbigan_step_is_whole(network, step, stop, keep); step++) {
    if (step->kind == CBIGAN_STEP_GATHER)
      return;
    take_step(b, step);
    b->self->base.base.n_layers += step->n_layers;
  }
}

/* --- places ------------------------------------------------------------------------------------------------------ */

enum { FLOATS, HALF, N_FORMS };

static void
write_form(CbiganLife *life, int step)
{
  life->first = MIN(life->first, step);
}

/* lives: [n_values][N_FORMS]. A convolution can write both forms of its output, and writes those that a later step
 * reads. Its own form has a place even if no step reads it, unless the value lies in the caller's buffer. */
static void
find_lives(const CbiganCudaFused *self, CbiganLife (*lives)[N_FORMS])
{
  for (int i = 0; i < self->n_steps; i++) {
    const CbiganCudaStep *step = &self->steps[i];
    CbiganLife *output = lives[step->output];
    const gboolean rounds = step->kind == CBIGAN_CUDA_ROUND;
    const int form = step->kind == CBIGAN_CUDA_CONVOLVE && self->is_half ? HALF : FLOATS;
    for (int k = 0; k < step->n_products; k++)
      if (step->products[k].input >= 0)
        lives[step->products[k].input][form].last = i;
    if (rounds)
      output[FLOATS].last = i;
    else
      write_form(&output[FLOATS], i);
    if (rounds || form == HALF)
      write_form(&output[HALF], i);
    if (rounds || !self->places[step->output].is_callers)
      output[rounds ? HALF : form].last = i;
  }
}

/* Finds the offsets of all values that do not lie in the caller's buffers; returns how many bytes they take. */
static gsize
find_places(CbiganCudaFused *self)
{
  const CbiganNetwork *network = self->network;
  const int n = N_FORMS * network->n_values;
  int n_slots = 0;
  CbiganLife(*lives)[N_FORMS] = g_malloc_n(network->n_values, sizeof *lives);
  for (int i = 0; i < n; i++)
    lives[i / N_FORMS][i % N_FORMS] = (CbiganLife)CBIGAN_NEVER;
  find_lives(self, lives);
  for (int i = 0; i < n; i++) {
    const int v = i / N_FORMS, form = i % N_FORMS;
    if (form == FLOATS && self->places[v].is_callers)
      lives[v][form] = (CbiganLife)CBIGAN_NEVER;
    lives[v][form].size =
        cbigan_cuda_round_up(cbigan_cuda_value_size(network->values[v].shape, self->batch, form == HALF));
  }
  g_autofree gsize *sizes = cbigan_lives_share(&lives[0][0], n, &n_slots), *offsets = g_new(gsize, n_slots + 1);
  offsets[0] = 0;
  for (int slot = 0; slot < n_slots; slot++)
    offsets[slot + 1] = offsets[slot] + sizes[slot];
  for (int i = 0; i < n; i++) {
    const int slot = lives[i / N_FORMS][i % N_FORMS].slot;
    self->places[i / N_FORMS].offsets[i % N_FORMS] = slot < 0 ? CBIGAN_NO_OFFSET : offsets[slot];
  }
  g_free(lives);
  return offsets[n_slots];
}

/* --- the plan ---------------------------------------------------------------------------------------------------- */

CbiganPlan *
cbigan_cuda_fuse(CbiganCuda *cuda, const CbiganNetwork *network, int first, int end, int batch, const int *keep)
{
  if (cuda->base.failure) /* the caller plans the layer by itself, which reports the failure */
    return NULL;
  CbiganCudaFused *self = g_new0(CbiganCudaFused, 1);
  CbiganPlan *plan = &self->base.base;
  self->base.cuda = cuda;
  self->network = network;
  self->batch = batch;
  self->is_half = cuda->base.precision != CBIGAN_PRECISION_FP32;
  self->type = cuda->base.precision == CBIGAN_PRECISION_BF16 ? CBIGAN_CUDA_BF16 : CBIGAN_CUDA_FP16;
  self->places = g_new0(CbiganCudaPlace, network->n_values);
  g_autofree gboolean *has_half = g_new0(gboolean, network->n_values);
  Builder b = { self, has_half };
  find_steps(&b, first, end, keep);
  cbigan_network_boundary(network, first, plan->n_layers, end, keep, &plan->inputs, &plan->outputs);
  for (const int *v = plan->inputs; *v >= 0; v++)
    self->places[*v].is_callers = TRUE;
  for (const int *v = plan->outputs; *v >= 0; v++)
    self->places[*v].is_callers = TRUE;
  return cbigan_cuda_fused_open(self, find_places(self));
}
