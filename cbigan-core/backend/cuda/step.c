/* step.c - one step of fused layers: what it launches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Nothing here may wait, allocate or copy from the host: it is captured.
 */
#include "backend/cuda/fused.h"

/* Of cuDNN's ways */
static const int algorithms[CBIGAN_CUDA_N_WAYS] = {
  [CBIGAN_CUDA_PRECOMPUTED] = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
  [CBIGAN_CUDA_IMPLICIT] = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
};

static gboolean
is_own(CbiganCudaWay way)
{
  return way == CBIGAN_CUDA_OWN_4 || way == CBIGAN_CUDA_OWN_8;
}

gboolean
cbigan_cuda_step_set_way(const CbiganCudaFused *self, CbiganCudaStep *step, CbiganCudaWay way)
{
  step->way = way;
  for (int i = 0; i < step->n_parts; i++) {
    const CbiganLayer *l = step->parts[i].layer;
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

static void
finish(const CbiganCudaFused *self, const CbiganCudaStep *step, const void *sum, const void *added)
{
  const CbiganLayer *l = step->parts[0].layer;
  const CbiganShape shape = l->out;
  const CbiganCudaPlace *place = &self->places[step->output];
  const CbiganCudaActivation activation = cbigan_cuda_activation(l->activation);
  if (self->narrow)
    CBIGAN_CUDA_TRY(self->cuda,
                    cbigan_cuda_launch_finish_narrow(self->type, self->batch, shape.c, shape.h, shape.w, sum, added,
                                                     bias_of(self, l), activation, step->halves, place->narrow,
                                                     floats_of(self, step->output), self->cuda->stream));
  else
    CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_finish(self->batch, shape.c, shape.h, shape.w, sum, added,
                                                          bias_of(self, l), activation, step->halves,
                                                          floats_of(self, step->output), self->cuda->stream));
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
    finish(self, step, sum, added);
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

void
cbigan_cuda_step_run(const CbiganCudaFused *self, const CbiganCudaStep *step)
{
  const CbiganShape shape = self->network->values[step->output].shape;
  switch (step->kind) {
  case CBIGAN_CUDA_CONVOLVE:
    (is_own(step->way) ? run_own : run_cudnn)(self, step);
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
