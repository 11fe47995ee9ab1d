/* autotune.c - how each step of fused layers is done: measured when they are opened, and kept for the shape
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All ways give the same bits every time, but not the same as each other, so two runs of a program may differ in the
 * last bits of a score; a training, which must not, takes the first way that there is. Of cuDNN's Winograd algorithms
 * only F(2x2, 3x3) is a way: in float it errs no more than a sum of products does (random numbers, 3 to 256 channels:
 * up to 6e-7 of the largest one, against 16e-7); F(4x4, 3x3) errs up to 9e-6, too much for twelve convolutions in a
 * row. That one, cuDNN's “non-fused”, and Fourier transforms are left out.
 */
#include "fused.h"

#include <math.h>
#include <string.h>

#include "i18n.h"

#define RUNS 5    /* that are timed */
#define CONFIGS 2 /* of a graph that are, at most */
#define TRIES 4   /* that are made for that, which takes time: engines are compiled */

/* All bytes count, those between the members too. */
static void
describe(const CbiganCudaFused *self, const CbiganCudaStep *step, CbiganCudaProblem *to)
{
  memset(to, 0, sizeof *to);
  to->batch = self->batch;
  to->narrow = self->narrow ? 1 + (int)self->type : 0;
  to->kernel = step->parts[0].layer->kernel;
  to->halves = step->halves;
  to->activation = step->parts[0].layer->activation;
  to->biased = step->parts[0].layer->bias != CBIGAN_NO_OFFSET;
  to->n_parts = step->n_parts;
  for (int i = 0; i < step->n_parts; i++) {
    to->parts[i].in = step->parts[i].layer->in;
    to->parts[i].out = step->parts[i].layer->out;
    to->parts[i].doubles = step->parts[i].doubles;
  }
}

/* One way that fails leaves the others, unless it is the device that failed. */
static void
forgive(CbiganCuda *cuda)
{
  if (cuda->base.failure && cudaStreamSynchronize(cuda->stream) == cudaSuccess)
    g_clear_error(&cuda->base.failure);
}

static gboolean
is_nan(const CbiganCudaFused *self, const CbiganCudaStep *step, const void *number)
{
  if (!self->narrow || !self->places[step->output].narrow)
    return isnan(*(const float *)number);
  return (*(const guint16 *)number & 0x7FFF) > (self->type == CBIGAN_CUDA_BF16 ? 0x7F80 : 0x7C00);
}

/* Whether NaN in the input is seen in the output, which the libraries don't promise of their activations: a picture
 * that can't be scored must not look like a good one. */
static gboolean
keeps_nan(CbiganCudaFused *self, const CbiganCudaStep *step)
{
  CbiganCuda *cuda = self->cuda;
  const int value = step->parts[0].input;
  const gsize size = cbigan_cuda_value_size(self->network->values[value].shape, self->batch, self->narrow);
  void *input = cbigan_cuda_step_input(self, step), *seen = cbigan_cuda_inbox(cuda, sizeof(float));
  if (!seen || !CBIGAN_CUDA_TRY(cuda, cudaMemsetAsync(input, 0xFF, size, cuda->stream))) /* NaN of any kind */
    return FALSE;
  cbigan_cuda_steps_run(self, step, 1);
  CBIGAN_CUDA_TRY(cuda, cudaMemcpyAsync(seen, cbigan_cuda_step_output(self, step), sizeof(float),
                                        cudaMemcpyDeviceToDevice, cuda->stream));
  CBIGAN_CUDA_TRY(cuda, cudaMemsetAsync(input, 0, size, cuda->stream));
  const void *number = cbigan_cuda_receive(cuda, sizeof(float));
  return number && is_nan(self, step, number);
}

/* Milliseconds of n steps, or infinity: they failed. */
static float
time_steps(CbiganCudaFused *self, const CbiganCudaStep *steps, int n, const cudaEvent_t events[2])
{
  CbiganCuda *cuda = self->cuda;
  float ms = INFINITY;
  cbigan_cuda_steps_run(self, steps, n); /* loads kernels */
  if (CBIGAN_CUDA_TRY(cuda, cudaEventRecord(events[0], cuda->stream)))
    for (int i = 0; i < RUNS; i++)
      cbigan_cuda_steps_run(self, steps, n);
  if (CBIGAN_CUDA_TRY(cuda, cudaEventRecord(events[1], cuda->stream)) &&
      CBIGAN_CUDA_TRY(cuda, cudaEventSynchronize(events[1])))
    CBIGAN_CUDA_TRY(cuda, cudaEventElapsedTime(&ms, events[0], events[1]));
  return cuda->base.failure ? INFINITY : ms;
}

/* Milliseconds, or infinity: it can't be done so, or it failed. */
static float
measure(CbiganCudaFused *self, CbiganCudaStep *step, CbiganCudaWay way, int config, const cudaEvent_t events[2])
{
  if (!cbigan_cuda_step_set_way(self, step, way, config) || (way == CBIGAN_CUDA_GRAPH && !keeps_nan(self, step)))
    return INFINITY;
  return time_steps(self, step, 1, events);
}

/* The best so far */
typedef struct {
  CbiganCudaChoice choice;
  float ms;
  GError *first; /* why a way failed, or NULL */
} Best;

/* A way; of a graph the first configuration that can do it, and others where that one is the best so far: where it
 * loses, the next ones in cuDNN's list are not worth compiling. FALSE: the device failed, kept. */
static gboolean
try_way(CbiganCudaFused *self, CbiganCudaStep *step, CbiganCudaWay way, const cudaEvent_t events[2], Best *best)
{
  CbiganCuda *cuda = self->cuda;
  const int end = way == CBIGAN_CUDA_GRAPH ? CBIGAN_CUDNN_CONFIGS : 1;
  int n = 0, tries = 0;
  for (int config = 0; config < end && tries < TRIES && (!n || (n < CONFIGS && best->choice.way == way)); config++) {
    const float ms = measure(self, step, way, config, events);
    tries += way == CBIGAN_CUDA_GRAPH && step->graph && cbigan_cudnn_graph_was_made(step->graph, config);
    n += ms < INFINITY;
    if (ms < best->ms) {
      best->ms = ms;
      best->choice.way = way;
      best->choice.config = config;
    }
    if (cuda->base.failure && !best->first)
      best->first = g_error_copy(cuda->base.failure);
    forgive(cuda);
    if (cuda->base.failure)
      return FALSE;
  }
  return TRUE;
}

/* NULL: none was made yet. */
static const CbiganCudaChoice *
find_known(const CbiganCuda *cuda, const CbiganCudaProblem *problem)
{
  for (guint i = 0; i < cuda->choices->len; i++) {
    const CbiganCudaChoice *known = &g_array_index(cuda->choices, CbiganCudaChoice, i);
    if (!memcmp(&known->problem, problem, sizeof *problem))
      return known;
  }
  return NULL;
}

static gboolean
choose(CbiganCudaFused *self, CbiganCudaStep *step, const cudaEvent_t events[2])
{
  CbiganCuda *cuda = self->cuda;
  Best best = { .choice.way = CBIGAN_CUDA_N_WAYS, .ms = INFINITY };
  gboolean ok = TRUE;
  describe(self, step, &best.choice.problem);
  const CbiganCudaChoice *known = find_known(cuda, &best.choice.problem);
  if (known)
    return cbigan_cuda_step_set_way(self, step, known->way, known->config);
  for (int way = 0; way < CBIGAN_CUDA_N_WAYS && ok && !(cuda->base.repeatable && best.ms < INFINITY); way++)
    ok = try_way(self, step, (CbiganCudaWay)way, events, &best);
  if (ok && best.choice.way == CBIGAN_CUDA_N_WAYS) {
    cbigan_backend_fail(&cuda->base, "%s",
                        best.first ? best.first->message : _("cuDNN has no algorithm for a convolution"));
    ok = FALSE;
  }
  g_clear_error(&best.first);
  if (!ok)
    return FALSE;
  g_array_append_val(cuda->choices, best.choice);
  return cbigan_cuda_step_set_way(self, step, best.choice.way, best.choice.config);
}

/* Its three steps, whose ways are chosen, or all of it at once. FALSE: the device failed, kept. */
static gboolean
choose_block(CbiganCudaFused *self, CbiganCudaStep steps[CBIGAN_CUDA_BLOCK_STEPS], const cudaEvent_t events[2])
{
  CbiganCuda *cuda = self->cuda;
  CbiganCudaChoice choice = { 0 };
  describe(self, &steps[2], &choice.problem);
  choice.problem.kernel = 0;
  const CbiganCudaChoice *known = find_known(cuda, &choice.problem);
  if (known) {
    choice.way = known->way;
  } else {
    const float apart = time_steps(self, steps, CBIGAN_CUDA_BLOCK_STEPS, events);
    steps->does_block = TRUE;
    const float together = time_steps(self, steps, CBIGAN_CUDA_BLOCK_STEPS, events);
    choice.way = together < apart ? CBIGAN_CUDA_BLOCK : CBIGAN_CUDA_APART;
    forgive(cuda);
    if (cuda->base.failure)
      return FALSE;
    g_array_append_val(cuda->choices, choice);
  }
  steps->does_block = choice.way == CBIGAN_CUDA_BLOCK;
  return TRUE;
}

/* The caller's values are not there yet: something as large for all that are read, and for all that are written. */
static gboolean
stand_in(CbiganCudaFused *self, float **memory, float **values)
{
  const int *const lists[] = { self->base.inputs, self->base.outputs };
  for (int i = 0; i < 2; i++) {
    gsize size = 1;
    for (const int *v = lists[i]; *v >= 0; v++)
      size = MAX(size, (gsize)self->batch * cbigan_shape_size(self->network->values[*v].shape));
    if (!(memory[i] = cbigan_cuda_alloc(&self->cuda->base, size))) {
      cbigan_backend_fail(&self->cuda->base, _("backend “cuda”: out of memory (%.1f MiB more needed)"),
                          (double)size * sizeof(float) / 1048576.0);
      return FALSE;
    }
    for (const int *v = lists[i]; *v >= 0; v++)
      values[*v] = memory[i];
  }
  return TRUE;
}

gboolean
cbigan_cuda_fused_choose(CbiganCudaFused *self)
{
  CbiganCuda *cuda = self->cuda;
  float *memory[2] = { NULL, NULL };
  cudaEvent_t events[2] = { NULL, NULL };
  g_autofree float **values = g_new0(float *, self->network->n_values);
  gboolean ok = stand_in(self, memory, values);
  for (int i = 0; i < 2 && ok; i++)
    ok = CBIGAN_CUDA_TRY(cuda, cudaEventCreateWithFlags(&events[i], cudaEventDefault));
  self->values = values;
  for (int i = 0; i < self->n_steps && ok; i++)
    if (self->steps[i].kind == CBIGAN_CUDA_CONVOLVE)
      ok = choose(self, &self->steps[i], events);
  for (int i = 0; i < self->n_steps && ok; i++)
    if (self->steps[i].begins_block && !cuda->base.repeatable)
      ok = choose_block(self, &self->steps[i], events);
  for (int i = 0; i < 2; i++) {
    if (events[i])
      CBIGAN_CUDA_TRY(cuda, cudaEventDestroy(events[i]));
    if (memory[i])
      cbigan_cuda_free(&cuda->base, memory[i]);
  }
  self->values = NULL;
  return ok;
}
