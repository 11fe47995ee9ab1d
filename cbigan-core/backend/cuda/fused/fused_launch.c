/* fused_launch.c - what each step of fused layers launches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All of it may be captured for a graph, so nothing here waits, allocates or copies from the host.
 */
#include "fused.h"

static float *
floats_of(const CbiganCudaFused *self, int value)
{
  return self->places[value].is_callers ? self->values[value] : self->places[value].floats;
}

static void *
input_of(const CbiganCudaFused *self, const CbiganCudaProduct *product)
{
  return self->is_half ? self->places[product->input].half : floats_of(self, product->input);
}

/* NULL: none */
static const float *
bias_of(const CbiganCudaFused *self, const CbiganLayer *l)
{
  return l->bias == CBIGAN_NO_OFFSET ? NULL : self->parameters + l->bias;
}

/* shape: of x */
static void
upsample(const CbiganCudaFused *self, CbiganShape shape, const void *x, void *y)
{
  if (self->is_half)
    CBIGAN_CUDA_TRY(self->base.cuda, cbigan_cuda_launch_half_upsample(self->type, self->batch, shape.c, shape.h,
                                                                      shape.w, x, y, self->base.cuda->stream));
  else
    CBIGAN_CUDA_TRY(self->base.cuda, cbigan_cuda_launch_upsample(self->batch * shape.c, shape.h, shape.w, x, y,
                                                                 self->base.cuda->stream));
}

/* sum, skip -> the step's output, in each form that has a place. skip: to be upsampled; NULL: none */
static void
launch_epilogue(const CbiganCudaFused *self, const CbiganCudaStep *step, const void *sum, const void *skip)
{
  const CbiganLayer *l = step->layer;
  const CbiganShape shape = l->out;
  const CbiganCudaActivation activation = cbigan_cuda_activation(l->activation);
  const CbiganCudaPlace *place = &self->places[step->output];
  if (self->is_half)
    CBIGAN_CUDA_TRY(self->base.cuda,
                    cbigan_cuda_launch_half_epilogue(self->type, self->batch, shape.c, shape.h, shape.w, sum, skip,
                                                     bias_of(self, l), activation, step->pools, place->half,
                                                     floats_of(self, step->output), self->base.cuda->stream));
  else
    CBIGAN_CUDA_TRY(self->base.cuda,
                    cbigan_cuda_launch_epilogue(self->batch, shape.c, shape.h, shape.w, sum, skip, bias_of(self, l),
                                                activation, step->pools, floats_of(self, step->output),
                                                self->base.cuda->stream));
}

/* cuDNN writes the sum to where the output goes, unless the output has another form or size. A skip of the same size is
 * written there first, and the other product is added to it; a smaller one is upsampled by the epilogue. */
static void
launch_convolve(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganCudaProduct *main = &step->products[0], *skip = step->n_products > 1 ? &step->products[1] : NULL;
  const CbiganLayer *l = step->layer;
  float *floats = floats_of(self, step->output);
  void *output = self->is_half ? self->places[step->output].half : floats, *input = input_of(self, main);
  void *sum = output && !step->pools ? output : self->scratch[1];
  void *small_skip = skip && skip->upsamples ? self->scratch[0] : NULL;
  if (skip)
    cbigan_cuda_convolution_run(self->base.cuda, &skip->convolution, FALSE, input_of(self, skip), skip->weights,
                                small_skip ? small_skip : sum);
  if (main->upsamples) {
    upsample(self, (CbiganShape){ l->in.c, l->in.h / 2, l->in.w / 2 }, input, self->scratch[0]);
    input = self->scratch[0];
  }
  cbigan_cuda_convolution_run(self->base.cuda, &main->convolution, skip && !small_skip, input, main->weights, sum);
  if (sum != output || small_skip || l->bias != CBIGAN_NO_OFFSET || l->activation != CBIGAN_LINEAR ||
      (self->is_half && floats))
    launch_epilogue(self, step, sum, small_skip);
}

static void
launch_residual_block(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganCudaProduct *products = step->products;
  const CbiganLayer *l = step->layer;
  const CbiganCudaBlock block = { .tile = step->tile,
                                  .in_c = products[CBIGAN_CUDA_FIRST].layer->in.c,
                                  .out_c = l->out.c,
                                  .upsamples = products[CBIGAN_CUDA_FIRST].upsamples,
                                  .pools = step->pools,
                                  .first = products[CBIGAN_CUDA_FIRST].weights,
                                  .second = products[CBIGAN_CUDA_SECOND].weights,
                                  .closing = products[CBIGAN_CUDA_CLOSING].weights,
                                  .skip = products[CBIGAN_CUDA_SKIP].weights,
                                  .bias = bias_of(self, l),
                                  .activation = cbigan_cuda_activation(l->activation) };
  CBIGAN_CUDA_TRY(self->base.cuda,
                  cbigan_cuda_launch_residual_block(self->batch, l->out.h, l->out.w, block,
                                                    floats_of(self, products[CBIGAN_CUDA_FIRST].input),
                                                    floats_of(self, step->output), self->base.cuda->stream));
}

static void
launch_dense(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganLayer *l = step->layer;
  CBIGAN_CUDA_TRY(self->base.cuda,
                  cbigan_cuda_launch_dense(self->batch, (int)cbigan_shape_size(l->in), (int)cbigan_shape_size(l->out),
                                           floats_of(self, l->input), self->parameters + l->weight, l->weight_stride,
                                           bias_of(self, l), cbigan_cuda_activation(l->activation), l->accumulate,
                                           floats_of(self, step->output), self->base.cuda->stream));
}

static void
launch_round(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganShape shape = self->network->values[step->output].shape;
  CBIGAN_CUDA_TRY(self->base.cuda,
                  cbigan_cuda_launch_half_round(self->type, self->batch, shape.c, shape.h, shape.w,
                                                floats_of(self, step->output), self->places[step->output].half,
                                                self->base.cuda->stream));
}

void
cbigan_cuda_fused_launch(const CbiganCudaFused *self)
{
  static void (*const launchers[])(const CbiganCudaFused *, const CbiganCudaStep *) = {
    [CBIGAN_CUDA_RESIDUAL_BLOCK] = launch_residual_block,
    [CBIGAN_CUDA_CONVOLVE] = launch_convolve,
    [CBIGAN_CUDA_DENSE] = launch_dense,
    [CBIGAN_CUDA_ROUND] = launch_round,
  };
  for (int i = 0; i < self->n_steps; i++)
    launchers[self->steps[i].kind](self, &self->steps[i]);
}
