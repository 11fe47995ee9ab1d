/* staging.c - copies batches to the device while it computes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A staging buffer has pinned host memory, device memory, and a stream of its own. With two or more buffers in turn,
 * one is copied while another one is used. On the device the copy waits for the operations that were called before
 * send(), and the operations that are called after receive() wait for the copy. The host waits for neither.
 */
#include "gradients.h"

typedef struct {
  CbiganStaging base;
  void *device;
  cudaStream_t stream;
  cudaEvent_t copied, used; /* recorded in this stream; in the backend's */
} CbiganGradCudaStaging;

void
cbigan_grad_cuda_staging_free(CbiganBackend *base, CbiganStaging *staging)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CbiganGradCudaStaging *p = (CbiganGradCudaStaging *)staging;
  if (p->stream) {
    CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(p->stream));
    CBIGAN_CUDA_TRY(self, cudaStreamDestroy(p->stream));
  }
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* work in the stream may still read it */
  if (p->copied)
    CBIGAN_CUDA_TRY(self, cudaEventDestroy(p->copied));
  if (p->used)
    CBIGAN_CUDA_TRY(self, cudaEventDestroy(p->used));
  if (p->device)
    CBIGAN_CUDA_TRY(self, cudaFree(p->device));
  if (p->base.host)
    CBIGAN_CUDA_TRY(self, cudaFreeHost(p->base.host));
  g_free(p);
}

/* FALSE: too little memory, which is no failure because the caller can upload; or a call failed, and the failure is
 * kept. */
static gboolean
allocate(CbiganCuda *self, CbiganGradCudaStaging *p)
{
  cudaError_t status = cudaHostAlloc(&p->base.host, p->base.size, cudaHostAllocDefault);
  if (status == cudaSuccess)
    status = cudaMalloc(&p->device, p->base.size);
  if (status != cudaErrorMemoryAllocation)
    return CBIGAN_CUDA_TRY(self, status);
  cudaGetLastError(); /* clears the error, or the next launch would report it */
  return FALSE;
}

CbiganStaging *
cbigan_grad_cuda_staging_new(CbiganBackend *base, gsize size)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CbiganGradCudaStaging *p = g_new0(CbiganGradCudaStaging, 1);
  p->base.size = size;
  if (allocate(self, p) && CBIGAN_CUDA_TRY(self, cudaStreamCreateWithFlags(&p->stream, cudaStreamNonBlocking)) &&
      CBIGAN_CUDA_TRY(self, cudaEventCreateWithFlags(&p->copied, cudaEventDisableTiming)) &&
      CBIGAN_CUDA_TRY(self, cudaEventCreateWithFlags(&p->used, cudaEventDisableTiming)))
    return &p->base;
  cbigan_grad_cuda_staging_free(base, &p->base);
  return NULL;
}

void
cbigan_grad_cuda_staging_send(CbiganBackend *base, CbiganStaging *staging)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CbiganGradCudaStaging *p = (CbiganGradCudaStaging *)staging;
  CBIGAN_CUDA_TRY(self, cudaEventRecord(p->used, self->stream));
  CBIGAN_CUDA_TRY(self, cudaStreamWaitEvent(p->stream, p->used, 0));
  CBIGAN_CUDA_TRY(self, cudaMemcpyAsync(p->device, p->base.host, p->base.size, cudaMemcpyHostToDevice, p->stream));
  CBIGAN_CUDA_TRY(self, cudaEventRecord(p->copied, p->stream));
}

gconstpointer
cbigan_grad_cuda_staging_receive(CbiganBackend *base, CbiganStaging *staging)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CbiganGradCudaStaging *p = (CbiganGradCudaStaging *)staging;
  CBIGAN_CUDA_TRY(self, cudaStreamWaitEvent(self->stream, p->copied, 0));
  return p->device;
}

void
cbigan_grad_cuda_staging_wait(CbiganBackend *base, CbiganStaging *staging)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cudaEventSynchronize(((CbiganGradCudaStaging *)staging)->copied));
}
