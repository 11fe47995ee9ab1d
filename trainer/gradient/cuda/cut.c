/* cut.c - keeps pictures in device memory, and cuts patches out of them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cuda/gradients.h"

/* One allocation holds the table and, behind it, all pixels. */
struct _CbiganStored {
  CbiganGradCudaPicture *pictures; /* (n) */
  const guint8 *pixels;
};

static gsize
bytes_of(const CbiganFrame *picture)
{
  return (gsize)picture->width * (gsize)picture->height * 3;
}

/* NULL: the memory is too small, which is no failure because the caller can cut on the host; or a call failed, and the
 * failure is kept. */
static void *
allocate(CbiganCuda *self, gsize size)
{
  void *memory = NULL;
  gsize available = 0, all = 0;
  if (!CBIGAN_CUDA_TRY(self, cudaMemGetInfo(&available, &all)) || size > available / 2)
    return NULL;
  const cudaError_t status = cudaMalloc(&memory, size);
  if (status == cudaErrorMemoryAllocation)
    cudaGetLastError(); /* clears the error, or the next launch would report it */
  else
    CBIGAN_CUDA_TRY(self, status);
  return status == cudaSuccess ? memory : NULL;
}

CbiganStored *
cbigan_grad_cuda_store(CbiganBackend *base, guint n, const CbiganFrame *pictures)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const gsize table_size = n * sizeof(CbiganGradCudaPicture);
  g_autofree CbiganGradCudaPicture *table = g_new0(CbiganGradCudaPicture, n);
  gsize size = 0;
  for (guint i = 0; i < n; size += bytes_of(&pictures[i]), i++)
    table[i] = (CbiganGradCudaPicture){ size, pictures[i].width, pictures[i].height };
  guint8 *memory = allocate(self, table_size + size), *pixels = memory + table_size;
  if (!memory)
    return NULL;
  CBIGAN_CUDA_TRY(self, cudaMemcpyAsync(memory, table, table_size, cudaMemcpyHostToDevice, self->stream));
  for (guint i = 0; i < n; i++)
    CBIGAN_CUDA_TRY(self, cudaMemcpyAsync(pixels + table[i].offset, pictures[i].data, bytes_of(&pictures[i]),
                                          cudaMemcpyHostToDevice, self->stream));
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* the caller may free the pictures now */
  CbiganStored *stored = g_new(CbiganStored, 1);
  *stored = (CbiganStored){ (CbiganGradCudaPicture *)(gpointer)memory, pixels };
  return stored;
}

void
cbigan_grad_cuda_stored_free(CbiganBackend *base, CbiganStored *stored)
{
  cbigan_cuda_free(base, (float *)(gpointer)stored->pictures);
  g_free(stored);
}

void
cbigan_grad_cuda_cut(CbiganBackend *base, const CbiganStored *stored, int n, const CbiganCut *cuts, int side, float *x)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_cut(n, side, stored->pictures, stored->pixels, cuts, x, self->stream));
}
