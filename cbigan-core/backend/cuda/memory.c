/* memory.c - device memory, and the ways between it and the host's
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cuda.h"

float *
cbigan_cuda_alloc(CbiganBackend *base, gsize n_floats)
{
  CbiganCuda *self = (CbiganCuda *)base;
  void *data = NULL;
  cbigan_cuda_enter(self);
  cudaError_t status = cudaMalloc(&data, n_floats * sizeof(float));
  if (status == cudaErrorMemoryAllocation)
    cudaGetLastError(); /* else the next launch would report it */
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
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* for what still uses it */
  CBIGAN_CUDA_TRY(self, cudaFree(data));
}

static void
copy(CbiganCuda *self, void *to, const void *from, gsize size, enum cudaMemcpyKind kind)
{
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cudaMemcpyAsync(to, from, size, kind, self->stream));
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* the caller's memory is the caller's again */
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

void
cbigan_cuda_mail_clear(CbiganCudaMail *mail)
{
  cudaFreeHost(mail->host);
  cudaFree(mail->device);
  *mail = (CbiganCudaMail){ 0 };
}

gboolean
cbigan_cuda_mail_grow(CbiganCuda *self, CbiganCudaMail *mail, gsize size)
{
  if (size <= mail->size)
    return TRUE;
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* for what is still on its way */
  cbigan_cuda_mail_clear(mail);
  if (!CBIGAN_CUDA_TRY(self, cudaHostAlloc(&mail->host, size, cudaHostAllocDefault)) ||
      !CBIGAN_CUDA_TRY(self, cudaMalloc(&mail->device, size)))
    return FALSE;
  mail->size = size;
  return TRUE;
}

void *
cbigan_cuda_outbox(CbiganCuda *self, gsize size)
{
  cbigan_cuda_enter(self);
  if (!CBIGAN_CUDA_TRY(self, cudaEventSynchronize(self->sent)) || !cbigan_cuda_mail_grow(self, &self->outbox, size))
    return NULL;
  return self->outbox.host;
}

void *
cbigan_cuda_send(CbiganCuda *self, gsize size)
{
  if (!CBIGAN_CUDA_TRY(
          self, cudaMemcpyAsync(self->outbox.device, self->outbox.host, size, cudaMemcpyHostToDevice, self->stream)) ||
      !CBIGAN_CUDA_TRY(self, cudaEventRecord(self->sent, self->stream)))
    return NULL;
  return self->outbox.device;
}

void *
cbigan_cuda_inbox(CbiganCuda *self, gsize size)
{
  cbigan_cuda_enter(self);
  return cbigan_cuda_mail_grow(self, &self->inbox, size) ? self->inbox.device : NULL;
}

const void *
cbigan_cuda_receive(CbiganCuda *self, gsize size)
{
  if (!CBIGAN_CUDA_TRY(
          self, cudaMemcpyAsync(self->inbox.host, self->inbox.device, size, cudaMemcpyDeviceToHost, self->stream)) ||
      !CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)))
    return NULL;
  return self->inbox.host;
}
