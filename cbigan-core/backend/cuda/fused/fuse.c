/* fuse.c - layers into steps, and where their values lie
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A residual block (see networks.c) becomes three steps: two 3x3 convolutions, and its closing 1x1 with the skip and
 * the 2x2 mean. Its upsampled input is nobody's value. In bf16 or fp16 a value that convolutions read lies in that form
 * too; dense layers, and the callers, have floats.
 */
#include "fused.h"

/* While layers are taken */
typedef struct {
  CbiganCudaFused *self;
  int first, n_layers;
  const int *keep;
  gboolean *narrow; /* [n_values]: there is a step that writes it so */
} Builder;

static CbiganCudaStep *
add_step(Builder *b, CbiganCudaStepKind kind, int output)
{
  CbiganCudaStep *step = &b->self->steps[b->self->n_steps++];
  *step = (CbiganCudaStep){ .kind = kind, .output = output };
  return step;
}

static void
add_rounding(Builder *b, int value)
{
  if (!b->self->narrow || b->narrow[value])
    return;
  add_step(b, CBIGAN_CUDA_ROUND, value);
  b->narrow[value] = TRUE;
}

static CbiganCudaStep *
add_convolution(Builder *b, const CbiganLayer *l, int input, gboolean doubles, int output)
{
  add_rounding(b, input);
  CbiganCudaStep *step = add_step(b, CBIGAN_CUDA_CONVOLVE, output);
  step->parts[step->n_parts++] = (CbiganCudaPart){ .layer = l, .input = input, .doubles = doubles };
  b->narrow[output] = TRUE;
  return step;
}

/* Whether layers but those of [begin, end), or the caller, need a value. */
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

/* The take functions return how many of the n layers from layer i on they took: 0 = it is something else. */
static int
take_block(Builder *b, int i, int n)
{
  const CbiganNetwork *network = b->self->network;
  const CbiganLayer *l = &network->layers[i];
  CbiganBlock block;
  if (!cbigan_backend_find_block(l, n, &block))
    return 0;
  const CbiganLayer *first = block.first, *second = block.second, *closing = block.closing;
  const gboolean up = block.up;
  int taken = block.n_layers;
  gboolean halves = block.pool && !is_needed(network, b->n_layers, b->keep, closing->output, i, i + taken + 1);
  const int inside[] = { first->output, second->output, up ? l->output : first->output };
  for (guint k = 0; k < G_N_ELEMENTS(inside); k++)
    if (is_needed(network, b->n_layers, b->keep, inside[k], i, i + taken))
      return 0;
  CbiganCudaStep *begin = add_convolution(b, first, l->input, up, first->output);
  begin->begins_block = !b->self->narrow && first->bias == CBIGAN_NO_OFFSET && second->bias == CBIGAN_NO_OFFSET &&
                        MAX(first->in.c, first->out.c) <= CBIGAN_CUDA_BLOCK_FEW;
  if (begin->begins_block)
    begin->tile = cbigan_cuda_block_tile(first->out.c, first->out.h, first->out.w);
  add_convolution(b, second, first->output, FALSE, second->output);
  CbiganCudaStep *end =
      add_convolution(b, closing, second->output, FALSE, halves ? block.pool->output : closing->output);
  end->parts[end->n_parts++] = (CbiganCudaPart){ .layer = block.skip, .input = l->input, .doubles = up };
  end->halves = halves;
  return taken + halves;
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

/* What it adds to must have been begun here. */
static int
take_dense(Builder *b, int i, int n)
{
  const CbiganLayer *l = &b->self->network->layers[i];
  gboolean begun = !l->accumulate;
  for (int k = b->first; k < i; k++)
    begun |= b->self->network->layers[k].output == l->output;
  if (l->kind != CBIGAN_DENSE || !begun)
    return 0;
  add_step(b, CBIGAN_CUDA_MULTIPLY, l->output)->parts[0] = (CbiganCudaPart){ .layer = l, .input = l->input };
  return 1;
}

static void
find_steps(Builder *b)
{
  static int (*const takers[])(Builder *, int, int) = { take_block, take_conv, take_dense };
  CbiganCudaFused *self = b->self;
  int end = cbigan_backend_same_sources(self->network, b->first, b->n_layers);
  self->steps = g_new0(CbiganCudaStep, 2 * (end - b->first)); /* one each, and a rounding of its input */
  for (int i = b->first, taken = 1; i < end && taken; i += taken) {
    taken = 0;
    for (guint k = 0; k < G_N_ELEMENTS(takers) && !taken; k++)
      taken = takers[k](b, i, end - i);
    self->base.n_layers += taken;
  }
}

/* --- places ------------------------------------------------------------------------------------------------------ */

/* A value in one form: the steps between which it is needed, where it lies. */
typedef struct {
  int first, last; /* -1: not written, not needed */
  gsize size, offset;
} Item;

enum { FLOATS, NARROW, N_FORMS };

/* needed: also where nobody reads it */
static void
write_item(Item *item, int step, gboolean needed)
{
  if (item->first < 0)
    item->first = step;
  if (needed)
    item->last = step;
}

/* items: [n_values][N_FORMS]. A convolution leaves its output in each form that is needed. */
static void
find_lives(const CbiganCudaFused *self, Item (*items)[N_FORMS])
{
  for (int i = 0; i < self->n_steps; i++) {
    const CbiganCudaStep *step = &self->steps[i];
    Item *output = items[step->output];
    const int form = step->kind == CBIGAN_CUDA_CONVOLVE && self->narrow ? NARROW : FLOATS;
    for (int k = 0; k < step->n_parts; k++)
      items[step->parts[k].input][form].last = i;
    if (step->kind == CBIGAN_CUDA_MULTIPLY)
      items[step->parts[0].input][FLOATS].last = i;
    if (step->kind == CBIGAN_CUDA_ROUND) {
      output[FLOATS].last = i;
      write_item(&output[NARROW], i, TRUE);
      continue;
    }
    write_item(&output[form], i, !self->places[step->output].given);
    if (form == NARROW)
      write_item(&output[FLOATS], i, FALSE);
  }
}

/* The lowest place that no other item has at the same time */
static void
place(const Item *others, int n, Item *item)
{
  for (int i = 0; i < n; i++) {
    const Item *other = &others[i];
    if (other->last >= item->first && other->first <= item->last && other->offset < item->offset + item->size &&
        item->offset < other->offset + other->size) {
      item->offset = other->offset + other->size;
      i = -1; /* look at all again */
    }
  }
}

/* Offsets of all values that are not the caller's; returns how many bytes they take. */
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
      gboolean given = form == FLOATS && self->places[v].given;
      self->places[v].offsets[form] = CBIGAN_NO_OFFSET;
      if (item->first < 0 || item->last < 0 || given)
        continue;
      item->size = cbigan_cuda_round_up(cbigan_cuda_value_size(network->values[v].shape, self->batch, form == NARROW));
      place(placed, n_placed, item);
      placed[n_placed++] = *item;
      self->places[v].offsets[form] = item->offset;
      size = MAX(size, item->offset + item->size);
    }
  g_free(items);
  return size;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

/* Values that the steps read from elsewhere, and those that they leave there */
static void
find_given(CbiganCudaFused *self, const Builder *b)
{
  const CbiganNetwork *network = self->network;
  const int end = b->first + self->base.n_layers;
  int n_inputs = 0, n_outputs = 0;
  g_autofree gboolean *written = g_new0(gboolean, network->n_values);
  self->base.inputs = g_new(int, network->n_values + 1);
  self->base.outputs = g_new(int, network->n_values + 1);
  for (int i = 0; i < self->n_steps; i++) {
    const CbiganCudaStep *step = &self->steps[i];
    const int read[] = { step->kind == CBIGAN_CUDA_ROUND ? step->output : step->parts[0].input,
                         step->n_parts > 1 ? step->parts[1].input : -1 };
    for (int k = 0; k < 2 && read[k] >= 0; k++)
      if (!written[read[k]] && !self->places[read[k]].given) {
        self->places[read[k]].given = TRUE;
        self->base.inputs[n_inputs++] = read[k];
      }
    if (step->kind == CBIGAN_CUDA_ROUND || written[step->output])
      continue;
    written[step->output] = TRUE;
    if (is_needed(network, b->n_layers, b->keep, step->output, b->first, end)) {
      self->places[step->output].given = TRUE;
      self->base.outputs[n_outputs++] = step->output;
    }
  }
  self->base.inputs[n_inputs] = self->base.outputs[n_outputs] = -1;
}

CbiganFused *
cbigan_cuda_fuse(CbiganBackend *base, const CbiganNetwork *network, int first, int n_layers, int batch, const int *keep)
{
  CbiganCuda *cuda = (CbiganCuda *)base;
  if (base->failure) /* whoever plans the layers next reports it */
    return NULL;
  CbiganCudaFused *self = g_new0(CbiganCudaFused, 1);
  self->cuda = cuda;
  self->network = network;
  self->batch = batch;
  self->narrow = cuda->precision != CBIGAN_PRECISION_FP32;
  self->type = cuda->precision == CBIGAN_PRECISION_BF16 ? CBIGAN_CUDA_BF16 : CBIGAN_CUDA_FP16;
  self->places = g_new0(CbiganCudaPlace, network->n_values);
  g_autofree gboolean *narrow = g_new0(gboolean, network->n_values);
  Builder b = { self, first, n_layers, keep, narrow };
  find_steps(&b);
  find_given(self, &b);
  return cbigan_cuda_fused_open(self, find_places(self));
}
