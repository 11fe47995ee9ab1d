/* memory.c - device memory, copies between it and the host, staging buffers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "memory.h"

float *
cbigan_cuda_alloc(CbiganBackend *base, gsize n_floats)
{
  CbiganCuda *self = (CbiganCuda *)base;
  void *data = NULL;
  cudaError_t status = cudaMalloc(&data, n_floats * sizeof(float));
  if (status == cudaErrorMemoryAllocation)
    cudaGetLastError(); /* clears the error, or the next launch would report it */
  else if (CBIGAN_CUDA_TRY(self, status) &&
           CBIGAN_CUDA_TRY(self, cudaMemsetAsync(data, 0, n_floats * sizeof(float), self->stream)))
    return data;
  cudaFree(data);
  return NULL;
}

void
cbigan_cuda_free(CbiganBackend *base, float *data)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* work in the stream may still use the memory */
  CBIGAN_CUDA_TRY(self, cudaFree(data));
}

static void
copy(CbiganCuda *self, void *to, const void *from, gsize size, enum cudaMemcpyKind kind)
{
  CBIGAN_CUDA_TRY(self, cudaMemcpyAsync(to, from, size, kind, self->stream));
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream));
}

void
cbigan_cuda_upload(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data)
{
  copy((CbiganCuda *)self, data, host, (gsize)n * cbigan_shape_size(shape) * sizeof(float), cudaMemcpyHostToDevice);
}

void
cbigan_cuda_download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host)
{
  copy((CbiganCuda *)self, host, data, (gsize)n * cbigan_shape_size(shape) * sizeof(float), cudaMemcpyDeviceToHost);
}

void *
cbigan_cuda_partial(CbiganCuda *self, gsize size)
{
  if (size <= self->partial_size)
    return self->partial;
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* work in the stream may still use the old memory */
  CBIGAN_CUDA_TRY(self, cudaFree(self->partial));
  self->partial = NULL;
  self->partial_size = 0;
  if (!CBIGAN_CUDA_TRY(self, cudaMalloc(&self->partial, size)))
    return NULL;
  self->partial_size = size;
  return self->partial;
}

void
cbigan_cuda_staging_clear(CbiganCudaStaging *staging)
{
  cudaFreeHost(staging->host);
  cudaFree(staging->device);
  *staging = (CbiganCudaStaging){ 0 };
}

gboolean
cbigan_cuda_staging_grow(CbiganCuda *self, CbiganCudaStaging *staging, gsize size)
{
  if (size <= staging->size)
    return TRUE;
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* copies in the stream may still use the old memory */
  cbigan_cuda_staging_clear(staging);
  if (!CBIGAN_CUDA_TRY(self, cudaHostAlloc(&staging->host, size, cudaHostAllocDefault)) ||
      !CBIGAN_CUDA_TRY(self, cudaMalloc(&staging->device, size)))
    return FALSE;
  staging->size = size;
  return TRUE;
}
