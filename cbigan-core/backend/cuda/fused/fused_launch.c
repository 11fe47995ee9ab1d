/* fused_launch.c - one step of fused layers: what it launches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Nothing here may wait, allocate or copy from the host: it is captured.
 */
#include "fused.h"

/* Of cuDNN's ways */
static const int algorithms[CBIGAN_CUDA_N_WAYS] = {
  [CBIGAN_CUDA_PRECOMPUTED] = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
  [CBIGAN_CUDA_IMPLICIT] = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
  [CBIGAN_CUDA_WINOGRAD] = CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD,
};

static gboolean
is_own(CbiganCudaWay way)
{
  return way == CBIGAN_CUDA_OWN_4 || way == CBIGAN_CUDA_OWN_8;
}

/* The skip, which a graph can't have as a second convolution, is done by the first algorithm that can. */
static gboolean
set_graph(const CbiganCudaFused *self, CbiganCudaStep *step, int config)
{
  const CbiganLayer *l = step->parts[0].layer;
  if (step->n_parts > 1) {
    CbiganCudaConvolution *skip = &step->parts[1].convolution;
    if (!cbigan_cuda_convolution_choose(self->cuda, skip, algorithms[CBIGAN_CUDA_PRECOMPUTED]) &&
        !cbigan_cuda_convolution_choose(self->cuda, skip, algorithms[CBIGAN_CUDA_IMPLICIT]))
      return FALSE;
  }
  const CbiganCudnnProblem problem = {
    .in = cbigan_cuda_in_eights(l->in, self->narrow),
    .out = cbigan_cuda_in_eights(l->out, self->narrow),
    .kernel = l->kernel,
    .batch = self->batch,
    .type = cbigan_cuda_fused_type(self),
    .adds = step->n_parts > 1,
    .biased = l->bias != CBIGAN_NO_OFFSET,
    .activation = l->activation,
  };
  step->graph = cbigan_cudnn_graph_get(self->cuda, &problem);
  step->config = config;
  return cbigan_cudnn_graph_prepare(step->graph, config);
}

gboolean
cbigan_cuda_step_set_way(const CbiganCudaFused *self, CbiganCudaStep *step, CbiganCudaWay way, int config)
{
  step->way = way;
  if (way == CBIGAN_CUDA_GRAPH)
    return set_graph(self, step, config);
  for (int i = 0; i < step->n_parts; i++) {
    const CbiganLayer *l = step->parts[i].layer;
    if (way == CBIGAN_CUDA_WINOGRAD && (self->narrow || l->kernel != 3))
      return FALSE;
    if (is_own(way) ? self->narrow || l->in.c > CBIGAN_CUDA_FEW || l->out.c > CBIGAN_CUDA_FEW
                    : !cbigan_cuda_convolution_choose(self->cuda, &step->parts[i].convolution, algorithms[way]))
      return FALSE;
  }
  return TRUE;
}

static float *
floats_of(const CbiganCudaFused *self, int value)
{
  return self->places[value].given ? self->values[value] : self->places[value].floats;
}

static void *
input_of(const CbiganCudaFused *self, const CbiganCudaPart *part)
{
  return self->narrow ? self->places[part->input].narrow : floats_of(self, part->input);
}

void *
cbigan_cuda_step_input(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  return input_of(self, &step->parts[0]);
}

void *
cbigan_cuda_step_output(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  void *narrow = self->places[step->output].narrow;
  return self->narrow && narrow ? narrow : floats_of(self, step->output);
}

/* Without parameters, when it is measured, there is none. */
static const float *
bias_of(const CbiganCudaFused *self, const CbiganLayer *l)
{
  return l->bias == CBIGAN_NO_OFFSET || !self->parameters ? NULL : self->parameters + l->bias;
}

static void
run_own(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganCudaPart *t = &step->parts[0], *x = step->n_parts > 1 ? &step->parts[1] : NULL;
  const CbiganLayer *l = t->layer;
  const int outs = step->way == CBIGAN_CUDA_OWN_4 ? 4 : 8;
  const CbiganCudaActivation activation = cbigan_cuda_activation(l->activation);
  if (l->kernel == 3)
    CBIGAN_CUDA_TRY(self->cuda,
                    cbigan_cuda_launch_conv3(self->batch, l->in.c, l->out.c, l->out.h, l->out.w, outs, t->doubles,
                                             input_of(self, t), t->weights, bias_of(self, l), activation,
                                             floats_of(self, step->output), self->cuda->stream));
  else
    CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_point(self->batch, l->out.c, l->out.h, l->out.w, outs, l->in.c,
                                                         input_of(self, t), t->weights, x ? x->layer->in.c : 0,
                                                         x ? input_of(self, x) : NULL, x ? x->weights : NULL,
                                                         x && x->doubles, bias_of(self, l), activation, step->halves,
                                                         floats_of(self, step->output), self->cuda->stream));
}

static void
upsample(const CbiganCudaFused *self, CbiganShape small, const void *x, void *y)
{
  if (self->narrow)
    CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_upsample_narrow(self->type, self->batch, small.c, small.h, small.w,
                                                                   x, y, self->cuda->stream));
  else
    CBIGAN_CUDA_TRY(self->cuda,
                    cbigan_cuda_launch_upsample(self->batch * small.c, small.h, small.w, x, y, self->cuda->stream));
}

/* sum -> the step's output; where that is what it was made in, to the floats beside it */
static void
finish(const CbiganCudaFused *self, const CbiganCudaStep *step, const void *sum, const void *added, const float *bias,
       CbiganActivation how)
{
  const CbiganShape shape = cbigan_cuda_step_shape(step);
  const CbiganCudaPlace *place = &self->places[step->output];
  const CbiganCudaActivation activation = cbigan_cuda_activation(how);
  if (self->narrow)
    CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_finish_narrow(
                                    self->type, self->batch, shape.c, shape.h, shape.w, sum, added, bias, activation,
                                    step->halves, place->narrow, floats_of(self, step->output), self->cuda->stream));
  else
    CBIGAN_CUDA_TRY(self->cuda,
                    cbigan_cuda_launch_finish(self->batch, shape.c, shape.h, shape.w, sum, added, bias, activation,
                                              step->halves, floats_of(self, step->output), self->cuda->stream));
}

/* The skip of an upsampled input is that of the small one, upsampled: both are linear. */
static void
run_cudnn(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganCudaPart *t = &step->parts[0], *x = step->n_parts > 1 ? &step->parts[1] : NULL;
  const CbiganLayer *l = t->layer;
  const gboolean in_place = !step->halves && (!self->narrow || self->places[step->output].narrow);
  void *sum = !in_place      ? self->scratch[1]
              : self->narrow ? self->places[step->output].narrow
                             : floats_of(self, step->output);
  void *added = x && x->doubles ? self->scratch[0] : NULL, *input = input_of(self, t);
  if (x)
    cbigan_cuda_convolution_run(self->cuda, &x->convolution, FALSE, input_of(self, x), x->weights, added ? added : sum);
  if (t->doubles) {
    upsample(self, (CbiganShape){ l->in.c, l->in.h / 2, l->in.w / 2 }, input, self->scratch[0]);
    input = self->scratch[0];
  }
  cbigan_cuda_convolution_run(self->cuda, &t->convolution, x && !added, input, t->weights, sum);
  if (!in_place || added || bias_of(self, l) || l->activation != CBIGAN_LINEAR ||
      (self->narrow && floats_of(self, step->output)))
    finish(self, step, sum, added, bias_of(self, l), l->activation);
}

/* The activation is behind the skip, so an upsampled one is written out. What the graph leaves is rounded once, behind
 * the activation, and floats for the caller, or a mean, are of that. */
static void
run_graph(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganCudaPart *t = &step->parts[0], *x = step->n_parts > 1 ? &step->parts[1] : NULL;
  const CbiganShape in = t->layer->in, out = t->layer->out;
  float *floats = floats_of(self, step->output);
  void *output = self->narrow ? self->places[step->output].narrow : floats;
  void *made = step->halves || !output ? self->scratch[1] : output;
  void *input = input_of(self, t), *skip = x ? self->scratch[0] : NULL, *small = self->scratch[1];
  if (x)
    cbigan_cuda_convolution_run(self->cuda, &x->convolution, FALSE, input_of(self, x), x->weights,
                                x->doubles ? small : skip);
  if (x && x->doubles)
    upsample(self, (CbiganShape){ out.c, out.h / 2, out.w / 2 }, small, skip);
  if (t->doubles) {
    upsample(self, (CbiganShape){ in.c, in.h / 2, in.w / 2 }, input, self->scratch[0]);
    input = self->scratch[0];
  }
  cbigan_cudnn_graph_run(step->graph, step->config, input, t->weights, skip, step->bias, made);
  if (made != output || (self->narrow && floats))
    finish(self, step, made, NULL, NULL, CBIGAN_LINEAR);
}

static void
multiply(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganLayer *l = step->parts[0].layer;
  CBIGAN_CUDA_TRY(self->cuda,
                  cbigan_cuda_launch_dense(self->batch, (int)cbigan_shape_size(l->in), (int)cbigan_shape_size(l->out),
                                           floats_of(self, l->input), self->parameters + l->weight, l->weight_stride,
                                           bias_of(self, l), cbigan_cuda_activation(l->activation), l->accumulate,
                                           floats_of(self, step->output), self->cuda->stream));
}

static void
run_block(const CbiganCudaFused *self, const CbiganCudaStep steps[CBIGAN_CUDA_BLOCK_STEPS])
{
  const CbiganCudaPart *first = &steps[0].parts[0], *closing = &steps[2].parts[0], *skip = &steps[2].parts[1];
  const CbiganShape map = first->layer->out;
  const CbiganCudaBlock block = { .tile = steps[0].tile,
                                  .in_c = first->layer->in.c,
                                  .out_c = map.c,
                                  .doubles = first->doubles,
                                  .halves = steps[2].halves,
                                  .first = first->weights,
                                  .second = steps[1].parts[0].weights,
                                  .closing = closing->weights,
                                  .skip = skip->weights,
                                  .bias = bias_of(self, closing->layer),
                                  .activation = cbigan_cuda_activation(closing->layer->activation) };
  CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_block(self->batch, map.h, map.w, block, input_of(self, first),
                                                       floats_of(self, steps[2].output), self->cuda->stream));
}

static void
run(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganShape shape = self->network->values[step->output].shape;
  switch (step->kind) {
  case CBIGAN_CUDA_CONVOLVE:
    (is_own(step->way) ? run_own : step->way == CBIGAN_CUDA_GRAPH ? run_graph : run_cudnn)(self, step);
    break;
  case CBIGAN_CUDA_MULTIPLY:
    multiply(self, step);
    break;
  case CBIGAN_CUDA_ROUND:
    CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_narrow(self->type, self->batch, shape.c, shape.h, shape.w,
                                                          floats_of(self, step->output),
                                                          self->places[step->output].narrow, self->cuda->stream));
    break;
  }
}

void
cbigan_cuda_steps_run(const CbiganCudaFused *self, const CbiganCudaStep *steps, int n)
{
  for (int i = 0; i < n; i += steps[i].does_block ? CBIGAN_CUDA_BLOCK_STEPS : 1)
    (steps[i].does_block ? run_block : run)(self, &steps[i]);
}
