/* readback.c - numbers for the caller: kernels leave them next to each other, and one copy brings them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cuda.h"

#include <math.h>

static gsize
size_of(const CbiganCudaResult *result)
{
  const gsize each = result->kind == CBIGAN_CUDA_SUMS ? sizeof(double) : sizeof(float);
  return (gsize)result->groups * (gsize)result->parts * each;
}

/* parts: (groups, parts) on the host; NULL: failed */
static void
give_sums(const CbiganCudaResult *result, const double *parts)
{
  double *sums = result->to;
  for (int i = 0; i < result->groups; i++) {
    sums[i] = parts ? 0.0 : NAN;
    for (int k = 0; parts && k < result->parts; k++)
      sums[i] += parts[(gsize)i * (gsize)result->parts + (gsize)k];
  }
}

static void
give_peak(const CbiganCudaResult *result, const float *parts)
{
  float *peak = result->to;
  *peak = parts ? parts[0] : NAN;
  for (int k = 1; parts && k < result->parts; k++)
    if (isnan(parts[k]) || parts[k] > *peak)
      *peak = parts[k];
}

static void
give(const CbiganCudaResult *result, const void *parts)
{
  if (result->kind == CBIGAN_CUDA_SUMS)
    give_sums(result, parts);
  else
    give_peak(result, parts);
}

void
cbigan_cuda_results_give(CbiganCuda *self)
{
  cbigan_cuda_results_fetch(self);
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream));
  const char *host = self->base.failure ? NULL : self->results.host;
  for (guint i = 0; i < self->awaited->len; i++) {
    const CbiganCudaResult *result = &g_array_index(self->awaited, CbiganCudaResult, i);
    give(result, host ? host + result->offset : NULL);
  }
  g_array_set_size(self->awaited, 0);
  self->results_used = self->results_fetched = self->results_total = 0;
}

void
cbigan_cuda_results_fetch(CbiganCuda *self)
{
  const gsize from = self->results_fetched;
  if (from == self->results_used)
    return;
  self->results_fetched = self->results_used;
  CBIGAN_CUDA_TRY(self, cudaMemcpyAsync((char *)self->results.host + from, (char *)self->results.device + from,
                                        self->results_used - from, cudaMemcpyDeviceToHost, self->stream));
}

/* If there is too little memory, what is in it is given away first; the next time all of it has room, as it must
 * when it is captured. */
void *
cbigan_cuda_result(CbiganCuda *self, CbiganCudaResult result)
{
  const gsize size = (size_of(&result) + 15) / 16 * 16;
  const gsize total = self->results_total + size;
  cbigan_cuda_enter(self);
  if (total > self->results.size) {
    cbigan_cuda_results_give(self);
    if (!cbigan_cuda_mail_grow(self, &self->results, total)) {
      give(&result, NULL);
      return NULL;
    }
  }
  self->results_total = total;
  result.offset = self->results_used;
  self->results_used += size;
  g_array_append_val(self->awaited, result);
  return (char *)self->results.device + result.offset;
}
