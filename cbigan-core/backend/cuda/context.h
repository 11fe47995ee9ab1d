/* context.h - the opened cuda backend, and how a failed call is kept: the lowest file of this folder
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuDNN computes convolutions, kernels/ the rest. Values lie in n,c,h,w order. All work goes into one stream of the
 * backend's own, in the order of the calls; only an operation that hands numbers to the caller waits. A failed call is
 * kept by cbigan_backend_fail() with its place and its error code, and later calls run on whatever memory holds.
 *
 * To add an operation: a kernel and its launcher in a .cu file of that name, the launcher's declaration in
 * kernels/kernels.h, and a function in cuda.c's table. No file here includes a file that stands above it: kernels,
 * context, memory and device, then convolution, readback and graph_cache, then the operations, then cuda.c.
 */
#pragma once
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "backend/backend.h"
#include "backend/cuda/kernels/kernels.h"

G_BEGIN_DECLS

/* A pinned buffer and its copy on the device, both of `size` bytes: see memory.h. */
typedef struct {
  void *host;
  void *device;
  gsize size;
} CbiganCudaStaging;

/* Results that finish() hands to the caller: see readback.h. */
typedef struct {
  CbiganCudaStaging staging;
  gsize used;      /* bytes of the staging buffer that results occupy */
  gsize copied;    /* bytes whose copy to the host is in the stream already */
  gsize requested; /* bytes requested since the last finish(), also where the buffer had to be emptied in between */
  GArray *pending; /* of CbiganCudaResult */
} CbiganCudaReadback;

typedef struct {
  CbiganBackend base;
  int device;
  gpointer context; /* the CUcontext that owns all objects of the backend; NULL = the device's primary context */
  cudaError_t (*set_current)(gpointer context); /* cuCtxSetCurrent(); its error codes equal the runtime's */
  cudaStream_t stream;
  cudnnHandle_t cudnn;
  int capability;       /* of the chip: 10 * major + minor */
  void *workspace;      /* cuDNN's: the largest that any convolution has asked for */
  gsize workspace_size; /* bytes */
  void *partial;        /* device memory for partial sums of one operation */
  gsize partial_size;   /* bytes */
  CbiganCudaReadback readback;
  gboolean graphs;   /* FALSE: operations are launched one by one, as CBIGAN_GRAPHS=none in the environment asks */
  gboolean nested;   /* operations are being enqueued for a graph, so inner graphs are not used */
  int failed_graphs; /* captures that failed since the last one that succeeded */
} CbiganCuda;

/* A plan; the function table's load() and run() call these two. */
typedef struct _CbiganCudaPlan CbiganCudaPlan;
struct _CbiganCudaPlan {
  CbiganPlan base;
  CbiganCuda *cuda;
  void (*load)(CbiganCudaPlan *self, const float *parameters);
  void (*run)(CbiganCudaPlan *self, float *const *values);
};

/* TRUE when the call succeeded. Otherwise the failure is kept as "conv2d.c:12: cudaMalloc(...):
 * cudaErrorMemoryAllocation (out of memory)". */
#define CBIGAN_CUDA_TRY(self, call) cbigan_cuda_check((CbiganBackend *)(self), (call), #call, __FILE__, __LINE__)
#define CBIGAN_CUDNN_TRY(self, call) cbigan_cudnn_check((CbiganBackend *)(self), (call), #call, __FILE__, __LINE__)
gboolean cbigan_cuda_check(CbiganBackend *self, cudaError_t status, const char *call, const char *file, int line);
gboolean cbigan_cudnn_check(CbiganBackend *self, cudnnStatus_t status, const char *call, const char *file, int line);
/* Moves a kept failure to *error. TRUE: nothing has failed. */
gboolean cbigan_cuda_report(CbiganCuda *self, GError **error);

/* CbiganBackend.enter(): makes the backend's context the calling thread's current one. CUDA keeps a current context per
 * thread; memory, streams and cuDNN's handle belong to the context that was current when they were made. Plans are
 * freed without backend.c, so their free() calls it. */
void cbigan_cuda_enter(CbiganBackend *self);

/* An activation as the kernels take it */
CbiganCudaActivation cbigan_cuda_activation(CbiganActivation activation);

G_END_DECLS
