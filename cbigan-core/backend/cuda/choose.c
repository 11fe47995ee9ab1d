/* choose.c - how each step of fused layers is done: measured when they are opened, and kept for the shape
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All ways give the same bits every time, but not the same as each other, so two runs of a program may differ in the
 * last bits of a score; training does not go through here. cuDNN's Winograd and Fourier algorithms are left out until
 * somebody has measured their error on a GPU.
 */
#include "backend/cuda/fused.h"

#include <math.h>
#include <string.h>

#include "i18n.h"

#define RUNS 5 /* that are timed */

/* All bytes count, those between the members too. */
static void
describe(const CbiganCudaFused *self, const CbiganCudaStep *step, CbiganCudaProblem *to)
{
  memset(to, 0, sizeof *to);
  to->batch = self->batch;
  to->narrow = self->narrow ? 1 + (int)self->type : 0;
  to->kernel = step->parts[0].layer->kernel;
  to->halves = step->halves;
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

/* Milliseconds, or infinity: it can't be done so, or it failed. */
static float
measure(CbiganCudaFused *self, CbiganCudaStep *step, CbiganCudaWay way, const cudaEvent_t events[2])
{
  CbiganCuda *cuda = self->cuda;
  float ms = INFINITY;
  if (cbigan_cuda_step_set_way(self, step, way)) {
    cbigan_cuda_step_run(self, step); /* loads kernels */
    if (CBIGAN_CUDA_TRY(cuda, cudaEventRecord(events[0], cuda->stream)))
      for (int i = 0; i < RUNS; i++)
        cbigan_cuda_step_run(self, step);
    if (CBIGAN_CUDA_TRY(cuda, cudaEventRecord(events[1], cuda->stream)) &&
        CBIGAN_CUDA_TRY(cuda, cudaEventSynchronize(events[1])))
      CBIGAN_CUDA_TRY(cuda, cudaEventElapsedTime(&ms, events[0], events[1]));
  }
  if (cuda->base.failure)
    ms = INFINITY;
  return ms;
}

static gboolean
choose(CbiganCudaFused *self, CbiganCudaStep *step, const cudaEvent_t events[2])
{
  CbiganCuda *cuda = self->cuda;
  CbiganCudaChoice best = { .way = CBIGAN_CUDA_N_WAYS };
  g_autoptr(GError) first = NULL; /* why a way failed */
  float least = INFINITY;
  describe(self, step, &best.problem);
  for (guint i = 0; i < cuda->choices->len; i++) {
    const CbiganCudaChoice *known = &g_array_index(cuda->choices, CbiganCudaChoice, i);
    if (!memcmp(&known->problem, &best.problem, sizeof best.problem))
      return cbigan_cuda_step_set_way(self, step, known->way);
  }
  for (int way = 0; way < CBIGAN_CUDA_N_WAYS; way++) {
    float ms = measure(self, step, (CbiganCudaWay)way, events);
    if (ms < least) {
      least = ms;
      best.way = (CbiganCudaWay)way;
    }
    if (cuda->base.failure && !first)
      first = g_error_copy(cuda->base.failure);
    forgive(cuda);
    if (cuda->base.failure)
      return FALSE;
  }
  if (best.way == CBIGAN_CUDA_N_WAYS) {
    cbigan_backend_fail(&cuda->base, "%s", first ? first->message : _("cuDNN has no algorithm for a convolution"));
    return FALSE;
  }
  g_array_append_val(cuda->choices, best);
  return cbigan_cuda_step_set_way(self, step, best.way);
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
  for (int i = 0; i < 2; i++) {
    if (events[i])
      CBIGAN_CUDA_TRY(cuda, cudaEventDestroy(events[i]));
    if (memory[i])
      cbigan_cuda_free(&cuda->base, memory[i]);
  }
  self->values = NULL;
  return ok;
}
