/* readback.c - numbers for the caller's host memory: kernels leave them side by side, and one copy fetches them all
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "readback.h"

#include <math.h>

#include "memory.h"

static gsize
size_of(const CbiganCudaResult *result)
{
  const gsize each = result->kind == CBIGAN_CUDA_SUMS ? sizeof(double) : sizeof(float);
  return (gsize)result->groups * (gsize)result->parts * each;
}

/* parts: (groups, parts) on the host; NULL: something failed */
static void
hand_over_sums(const CbiganCudaResult *result, const double *parts)
{
  double *sums = result->to;
  for (int i = 0; i < result->groups; i++) {
    sums[i] = parts ? 0.0 : NAN;
    for (int k = 0; parts && k < result->parts; k++)
      sums[i] += parts[(gsize)i * (gsize)result->parts + (gsize)k];
  }
}

static void
hand_over_peaks(const CbiganCudaResult *result, const float *parts)
{
  float *peaks = result->to;
  for (int i = 0; i < result->groups; i++) {
    const float *own = parts ? parts + (gsize)i * (gsize)result->parts : NULL;
    peaks[i] = own ? own[0] : NAN;
    for (int k = 1; own && k < result->parts; k++)
      if (isnan(own[k]) || own[k] > peaks[i])
        peaks[i] = own[k];
  }
}

static void
hand_over(const CbiganCudaResult *result, const void *parts)
{
  if (result->kind == CBIGAN_CUDA_SUMS)
    hand_over_sums(result, parts);
  else
    hand_over_peaks(result, parts);
}

void
cbigan_cuda_readback_finish(CbiganCuda *self)
{
  CbiganCudaReadback *r = &self->readback;
  cbigan_cuda_readback_copy(self);
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream));
  const char *host = self->base.failure ? NULL : r->staging.host;
  for (guint i = 0; i < r->pending->len; i++) {
    const CbiganCudaResult *result = &g_array_index(r->pending, CbiganCudaResult, i);
    hand_over(result, host ? host + result->offset : NULL);
  }
  g_array_set_size(r->pending, 0);
  r->used = r->copied = r->requested = 0;
}

void
cbigan_cuda_readback_copy(CbiganCuda *self)
{
  CbiganCudaReadback *r = &self->readback;
  const gsize from = r->copied;
  if (from == r->used)
    return;
  r->copied = r->used;
  CBIGAN_CUDA_TRY(self, cudaMemcpyAsync((char *)r->staging.host + from, (char *)r->staging.device + from,
                                        r->used - from, cudaMemcpyDeviceToHost, self->stream));
}

/* A full buffer is emptied first, which waits, and then grows to all that was requested since finish(). So the same
 * operations fit the next time, as they must when they are captured. */
void *
cbigan_cuda_readback_request(CbiganCuda *self, CbiganCudaResult result)
{
  CbiganCudaReadback *r = &self->readback;
  const gsize size = (size_of(&result) + 15) / 16 * 16;
  const gsize requested = r->requested + size;
  if (requested > r->staging.size) {
    cbigan_cuda_readback_finish(self);
    if (!cbigan_cuda_staging_grow(self, &r->staging, requested)) {
      hand_over(&result, NULL);
      return NULL;
    }
  }
  r->requested = requested;
  result.offset = r->used;
  r->used += size;
  g_array_append_val(r->pending, result);
  return (char *)r->staging.device + result.offset;
}
