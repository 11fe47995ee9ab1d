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

#include "backend/cuda/operations.h"

/* Up to so many channels of input and output residual_block.cu does a block; beyond, and where it is 0, cuDNN does. No
 * GPU has measured these bounds: they follow from shared memory, and from cuDNN's padding of few channels. */
static const int own_block_channels[CBIGAN_N_PRECISIONS] = {
  [CBIGAN_PRECISION_FP32] = CBIGAN_CUDA_BLOCK_CHANNELS,
  [CBIGAN_PRECISION_BF16] = 0, /* tensor cores multiply 16-bit values, and residual_block.cu does not use them */
  [CBIGAN_PRECISION_FP16] = 0,
};

/* Layers on their way to steps */
typedef struct {
  CbiganCudaFused *self;
  int first, n_layers; /* as cbigan_cuda_fuse()'s arguments */
  const int *keep;
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

/* Whether the caller, or a layer outside of [begin, end), needs a value. */
static gboolean
is_needed(const CbiganNetwork *network, int n_layers, const int *keep, int value, int begin, int end)
{
  if (network->layers[n_layers - 1].output == value)
    return TRUE;
  for (; keep && *keep >= 0; keep++)
    if (*keep == value)
      return TRUE;
  for (int i = 0; i < n_layers; i++) {
    const CbiganLayer *l = &network->layers[i];
    if ((i < begin || i >= end) && (l->input == value || l->output == value))
      return TRUE;
  }
  return FALSE;
}

static CbiganCudaStep *
add_own_block(Builder *b, const CbiganBlock *block, int input, int output)
{
  const CbiganLayer *l = block->closing;
  CbiganCudaStep *step = add_step(b, CBIGAN_CUDA_RESIDUAL_BLOCK, l, output);
  add_product(step, block->first, input, block->up);
  add_product(step, block->second, -1, FALSE);
  add_product(step, l, -1, FALSE);
  add_product(step, block->skip, input, block->up);
  step->tile = cbigan_cuda_residual_block_tile(l->out.c, l->out.h, l->out.w);
  return step;
}

static CbiganCudaStep *
add_cudnn_block(Builder *b, const CbiganBlock *block, int input, int output)
{
  add_convolution(b, block->first, input, block->up, block->first->output);
  add_convolution(b, block->second, block->first->output, FALSE, block->second->output);
  CbiganCudaStep *step = add_convolution(b, block->closing, block->second->output, FALSE, output);
  add_product(step, block->skip, input, block->up);
  return step;
}

static gboolean
is_own_block(const Builder *b, const CbiganBlock *block)
{
  return block->first->bias == CBIGAN_NO_OFFSET && block->second->bias == CBIGAN_NO_OFFSET &&
         MAX(block->first->in.c, block->first->out.c) <= own_block_channels[b->self->cuda->precision];
}

/* The take functions make steps of the layers from layer i on. They return how many of the n layers they took; 0: the
 * layers are of another kind. */
static int
take_block(Builder *b, int i, int n)
{
  const CbiganNetwork *network = b->self->network;
  const CbiganLayer *l = &network->layers[i];
  CbiganBlock block;
  if (!cbigan_backend_find_block(l, n, &block))
    return 0;
  const int taken = block.n_layers, first = block.first->output;
  const int inside[] = { first, block.second->output, block.up ? l->output : first };
  for (guint k = 0; k < G_N_ELEMENTS(inside); k++)
    if (is_needed(network, b->n_layers, b->keep, inside[k], i, i + taken))
      return 0;
  const gboolean pools =
      block.pool && !is_needed(network, b->n_layers, b->keep, block.closing->output, i, i + taken + 1);
  const int output = pools ? block.pool->output : block.closing->output;
  CbiganCudaStep *step = (is_own_block(b, &block) ? add_own_block : add_cudnn_block)(b, &block, l->input, output);
  step->pools = pools;
  return taken + pools;
}

static int
take_conv(Builder *b, int i, int n)
{
  const CbiganLayer *l = &b->self->network->layers[i];
  if (l->kind != CBIGAN_CONV2D || l->accumulate)
    return 0;
  add_convolution(b, l, l->input, FALSE, l->output);
  return 1;
}

/* A layer that adds to a value is taken only if an earlier layer of this operation has written the value. */
static int
take_dense(Builder *b, int i, int n)
{
  const CbiganLayer *l = &b->self->network->layers[i];
  gboolean begun = !l->accumulate;
  for (int k = b->first; k < i; k++)
    begun |= b->self->network->layers[k].output == l->output;
  if (l->kind != CBIGAN_DENSE || !begun)
    return 0;
  add_product(add_step(b, CBIGAN_CUDA_DENSE, l, l->output), l, l->input, FALSE);
  return 1;
}

static void
find_steps(Builder *b)
{
  static int (*const takers[])(Builder *, int, int) = { take_block, take_conv, take_dense };
  CbiganCudaFused *self = b->self;
  int end = cbigan_backend_same_sources(self->network, b->first, b->n_layers);
  self->steps = g_new0(CbiganCudaStep, 2 * (end - b->first)); /* per layer a step, and one that rounds its input */
  for (int i = b->first, taken = 1; i < end && taken; i += taken) {
    taken = 0;
    for (guint k = 0; k < G_N_ELEMENTS(takers) && !taken; k++)
      taken = takers[k](b, i, end - i);
    self->base.n_layers += taken;
  }
}

/* --- places ------------------------------------------------------------------------------------------------------ */

/* One form of a value */
typedef struct {
  int first, last;    /* the steps that write it first and need it last; -1: none */
  gsize size, offset; /* bytes */
} Item;

enum { FLOATS, HALF, N_FORMS };

/* needed: it has a place even if no later step reads it */
static void
write_item(Item *item, int step, gboolean needed)
{
  if (item->first < 0)
    item->first = step;
  if (needed)
    item->last = step;
}

/* items: [n_values][N_FORMS]. A convolution can write both forms of its output, and writes those that are needed. */
static void
find_lives(const CbiganCudaFused *self, Item (*items)[N_FORMS])
{
  for (int i = 0; i < self->n_steps; i++) {
    const CbiganCudaStep *step = &self->steps[i];
    Item *output = items[step->output];
    const int form = step->kind == CBIGAN_CUDA_CONVOLVE && self->is_half ? HALF : FLOATS;
    for (int k = 0; k < step->n_products; k++)
      if (step->products[k].input >= 0)
        items[step->products[k].input][form].last = i;
    if (step->kind == CBIGAN_CUDA_ROUND) {
      output[FLOATS].last = i;
      write_item(&output[HALF], i, TRUE);
      continue;
    }
    write_item(&output[form], i, !self->places[step->output].is_callers);
    if (form == HALF)
      write_item(&output[FLOATS], i, FALSE);
  }
}

/* Gives the item the lowest offset at which no other item lies during its life. */
static void
place(const Item *others, int n, Item *item)
{
  for (int i = 0; i < n; i++) {
    const Item *other = &others[i];
    if (other->last >= item->first && other->first <= item->last && other->offset < item->offset + item->size &&
        item->offset < other->offset + other->size) {
      item->offset = other->offset + other->size;
      i = -1; /* start again */
    }
  }
}

/* Finds the offsets of all values that do not lie in the caller's buffers; returns how many bytes they take. */
static gsize
find_places(CbiganCudaFused *self)
{
  const CbiganNetwork *network = self->network;
  gsize size = 0;
  int n_placed = 0;
  g_autofree Item *placed = g_new(Item, N_FORMS * network->n_values);
  Item(*items)[N_FORMS] = g_malloc_n(network->n_values, sizeof *items);
  for (int i = 0; i < N_FORMS * network->n_values; i++)
    items[i / N_FORMS][i % N_FORMS] = (Item){ .first = -1, .last = -1 };
  find_lives(self, items);
  for (int v = 0; v < network->n_values; v++)
    for (int form = 0; form < N_FORMS; form++) {
      Item *item = &items[v][form];
      gboolean is_callers = form == FLOATS && self->places[v].is_callers;
      self->places[v].offsets[form] = CBIGAN_NO_OFFSET;
      if (item->first < 0 || item->last < 0 || is_callers)
        continue;
      item->size = cbigan_cuda_round_up(cbigan_cuda_value_size(network->values[v].shape, self->batch, form == HALF));
      place(placed, n_placed, item);
      placed[n_placed++] = *item;
      self->places[v].offsets[form] = item->offset;
      size = MAX(size, item->offset + item->size);
    }
  g_free(items);
  return size;
}

/* --- the operation ----------------------------------------------------------------------------------------------- */

/* The operation's inputs are the values that it reads before a step has written them. Its outputs are the written
 * values that the caller or another layer needs. */
static void
find_callers_values(CbiganCudaFused *self, const Builder *b)
{
  const CbiganNetwork *network = self->network;
  const int end = b->first + self->base.n_layers;
  int n_inputs = 0, n_outputs = 0;
  g_autofree gboolean *written = g_new0(gboolean, network->n_values);
  self->base.inputs = g_new(int, network->n_values + 1);
  self->base.outputs = g_new(int, network->n_values + 1);
  for (int i = 0; i < self->n_steps; i++) {
    const CbiganCudaStep *step = &self->steps[i];
    const gboolean rounds = step->kind == CBIGAN_CUDA_ROUND;
    for (int k = 0; k < step->n_products + rounds; k++) {
      const int read = rounds ? step->output : step->products[k].input;
      if (read < 0 || written[read] || self->places[read].is_callers)
        continue;
      self->places[read].is_callers = TRUE;
      self->base.inputs[n_inputs++] = read;
    }
    if (rounds || written[step->output])
      continue;
    written[step->output] = TRUE;
    if (is_needed(network, b->n_layers, b->keep, step->output, b->first, end)) {
      self->places[step->output].is_callers = TRUE;
      self->base.outputs[n_outputs++] = step->output;
    }
  }
  self->base.inputs[n_inputs] = self->base.outputs[n_outputs] = -1;
}

CbiganFused *
cbigan_cuda_fuse(CbiganBackend *base, const CbiganNetwork *network, int first, int n_layers, int batch, const int *keep)
{
  CbiganCuda *cuda = (CbiganCuda *)base;
  if (base->failure) /* the caller plans the layers one by one instead, which reports the failure */
    return NULL;
  CbiganCudaFused *self = g_new0(CbiganCudaFused, 1);
  self->cuda = cuda;
  self->network = network;
  self->batch = batch;
  self->is_half = cuda->precision != CBIGAN_PRECISION_FP32;
  self->type = cuda->precision == CBIGAN_PRECISION_BF16 ? CBIGAN_CUDA_BF16 : CBIGAN_CUDA_FP16;
  self->places = g_new0(CbiganCudaPlace, network->n_values);
  g_autofree gboolean *has_half = g_new0(gboolean, network->n_values);
  Builder b = { self, first, n_layers, keep, has_half };
  find_steps(&b);
  find_callers_values(self, &b);
  return cbigan_cuda_fused_open(self, find_places(self));
}
