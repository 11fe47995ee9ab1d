/* cuda.h - inside of the cuda backend: cuDNN's convolutions, our own kernels for the rest, values in n,c,h,w order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Shared by the forward operations here and the gradients in the trainer, which are a module each; the second links
 * the first. Everything runs in one stream of the backend's own, in the order it was called; only what has to give
 * numbers to the caller waits. A call that fails is kept by cbigan_backend_fail() with its place and the name of the
 * code, and what follows runs on whatever is there.
 *
 * To add an operation: its kernel and launcher in a .cu of its name, the launcher's declaration in kernels.h, and a
 * function in cuda.c's table that calls it through CBIGAN_CUDA_TRY. Any function that a thread may call first begins
 * with cbigan_cuda_enter().
 */
#pragma once
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "backend/backend.h"
#include "backend/cuda/kernels/kernels.h"

G_BEGIN_DECLS

/* Memory on both sides, for small things on their way: grown when needed, never shrunk. */
typedef struct {
  void *host; /* pinned */
  void *device;
  gsize size;
} CbiganCudaMail;

typedef enum {
  CBIGAN_CUDA_SUMS, /* doubles: each group's parts are added */
  CBIGAN_CUDA_PEAK  /* floats, one group: the largest part, or NaN */
} CbiganCudaResultKind;

/* Numbers on their way to the caller: parts of groups, next to each other in the results' memory. */
typedef struct {
  CbiganCudaResultKind kind;
  int groups, parts;
  void *to;     /* double[groups] or float[1] of the caller's */
  gsize offset; /* bytes */
} CbiganCudaResult;

typedef struct {
  CbiganBackend base;
  int device;
  gpointer context; /* the CUcontext that all of it is in; NULL = the device's primary one */
  cudaError_t (*set_current)(gpointer context); /* cuCtxSetCurrent(): the driver's errors have the runtime's numbers */
  cudaStream_t stream;
  cudnnHandle_t cudnn;
  void *workspace; /* of workspace_size bytes: the most that any convolution asked for */
  gsize workspace_size;
  CbiganCudaMail outbox, inbox;
  cudaEvent_t sent; /* the outbox's host side may be written again */
  CbiganCudaMail results;
  gsize results_used, results_fetched; /* bytes of them: taken; whose copy to the host is in the stream */
  gsize results_total;                 /* bytes taken since finish(): what there should be room for */
  GArray *awaited;                     /* of CbiganCudaResult: until finish() */
  int capability;                      /* 10 * major + minor */
  CbiganPrecision precision;           /* of what is fused from now on */
  GArray *choices;                     /* of CbiganCudaChoice: choose.c */
  GPtrArray *cudnn_graphs;             /* of CbiganCudnnGraph: cudnn_graph.c */
  gboolean graphs;                     /* else all is launched one by one: the environment's CBIGAN_GRAPHS=none */
  int refusals;                        /* graphs that could not be captured, in a row */
  gboolean nested;                     /* within what will be, or is, a graph: graph.c */
} CbiganCuda;

typedef enum { CBIGAN_CUDA_FORWARD, CBIGAN_CUDA_DATA, CBIGAN_CUDA_FILTER } CbiganCudaDirection;

/* One convolution at one batch size, in one direction; zeroed = none. */
typedef struct {
  CbiganCudaDirection direction;
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t convolution;
  int algorithm; /* cudnnConvolution...Algo_t of its direction */
} CbiganCudaConvolution;

typedef struct {
  CbiganPlan base;
  CbiganCudaConvolution convolution; /* conv2d */
  float *weights;                    /* conv2d: (out.c, in.c, k, k) */
  const float *parameters;           /* as last loaded */
} CbiganCudaPlan;

/* TRUE when the call did, else the failure is kept: "conv2d.c:12: cudaMalloc(...): cudaErrorMemoryAllocation (out of
 * memory)". */
#define CBIGAN_CUDA_TRY(self, call) cbigan_cuda_check((CbiganBackend *)(self), (call), #call, __FILE__, __LINE__)
#define CBIGAN_CUDNN_TRY(self, call) cbigan_cudnn_check((CbiganBackend *)(self), (call), #call, __FILE__, __LINE__)
gboolean cbigan_cuda_check(CbiganBackend *self, cudaError_t status, const char *call, const char *file, int line);
gboolean cbigan_cudnn_check(CbiganBackend *self, cudnnStatus_t status, const char *call, const char *file, int line);
/* Hands a kept failure over. TRUE: there is none. */
gboolean cbigan_cuda_report(CbiganCuda *self, GError **error);

/* device.c: NULL = can run, else why not (transfer full); device -1: on any. */
char *cbigan_cuda_unavailable(int device);
/* Finds the device of a context that is somebody else's, to run in it. NULL, or why that can't be (transfer full). */
char *cbigan_cuda_use_context(CbiganCuda *self, gpointer context);
/* CUDA's current context belongs to the calling thread: ours becomes it. Memory, streams and cuDNN's handle are of the
 * context that was the current one when they were made. */
void cbigan_cuda_enter(CbiganCuda *self);

/* transfer.c */
/* Zeroed; NULL = out of memory, which is not kept. */
float *cbigan_cuda_alloc(CbiganBackend *self, gsize n_floats);
void cbigan_cuda_free(CbiganBackend *self, float *data);
void cbigan_cuda_upload(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data);
void cbigan_cuda_download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host);
/* Host memory of `size` bytes to fill; then send() gives its copy in device memory, good until the next outbox(). NULL:
 * failed. */
void *cbigan_cuda_outbox(CbiganCuda *self, gsize size);
void *cbigan_cuda_send(CbiganCuda *self, gsize size);
/* Device memory of `size` bytes to fill; then receive() waits and gives its copy in host memory, good until the next
 * inbox(). NULL: failed. */
void *cbigan_cuda_inbox(CbiganCuda *self, gsize size);
const void *cbigan_cuda_receive(CbiganCuda *self, gsize size);
void cbigan_cuda_mail_clear(CbiganCudaMail *mail);
gboolean cbigan_cuda_mail_grow(CbiganCuda *self, CbiganCudaMail *mail, gsize size); /* FALSE: failed, kept */
/* results.c */
/* Device memory for a kernel to leave these parts in; finish() gives them to the caller. NULL: failed, and so are the
 * numbers. */
void *cbigan_cuda_result(CbiganCuda *self, CbiganCudaResult result);
/* Puts the copy of all results to the host into the stream. */
void cbigan_cuda_results_fetch(CbiganCuda *self);
/* Waits, and gives them to the caller: NaN each, where something failed. */
void cbigan_cuda_results_give(CbiganCuda *self);

/* conv2d.c */
/* FALSE: failed, kept. */
gboolean cbigan_cuda_convolution_init(CbiganCuda *self, CbiganCudaConvolution *c, CbiganCudaDirection direction,
                                      const CbiganLayer *layer, int batch);
/* The parts of that: without an algorithm, numbers of 16 bits: n,h,w,c; sums in float; and with this one, FALSE: cuDNN
 * can't (not kept), or failed (kept). */
gboolean cbigan_cuda_convolution_describe(CbiganCuda *self, CbiganCudaConvolution *c, CbiganShape in, CbiganShape out,
                                          int kernel, int batch, cudnnDataType_t type);
gboolean cbigan_cuda_convolution_choose(CbiganCuda *self, CbiganCudaConvolution *c, int algorithm);
/* Makes the workspace as large; may wait, so not while a graph is captured. FALSE: failed, kept. */
gboolean cbigan_cuda_grow_workspace(CbiganCuda *self, gsize size);
void cbigan_cuda_convolution_clear(CbiganCudaConvolution *c);
/* Writes y (FORWARD), x (DATA) or w (FILTER) from the other two, or adds to it. All aligned to 16 bytes. */
void cbigan_cuda_convolution_run(CbiganCuda *self, const CbiganCudaConvolution *c, gboolean accumulate, void *x,
                                 void *w, void *y);
/* A layer's weights (of `parameters`, rows weight_stride apart, anywhere) -> rows without gaps, aligned */
void cbigan_cuda_load_weights(CbiganCuda *self, const CbiganLayer *layer, const float *parameters, float *weights);
static inline gsize
cbigan_cuda_weights_size(const CbiganLayer *layer) /* floats, conv2d */
{
  return (gsize)layer->out.c * layer->in.c * layer->kernel * layer->kernel;
}

CbiganCudaActivation cbigan_cuda_activation(CbiganActivation activation);

/* The operations, each in its own file. */
void cbigan_cuda_conv2d(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
CbiganFused *cbigan_cuda_fuse(CbiganBackend *self, const CbiganNetwork *network, int first, int n_layers, int batch,
                              const int *keep);
CbiganDistances *cbigan_cuda_distances(CbiganBackend *self, const CbiganNetwork *network,
                                       const CbiganFeatures *features, const CbiganCriticStatistics *good, int batch);
void cbigan_cuda_subtract(CbiganBackend *self, gsize n, const float *a, const float *b, float *difference);
void cbigan_cuda_map(CbiganBackend *self, const CbiganMosaic *mosaic, const float *differences,
                     const CbiganMapFilter *filter, float *scratch, float *map);
void cbigan_cuda_deviations(CbiganBackend *self, gsize n, const float *mean, const float *deviation, gboolean apart,
                            float floor, float *x);
void cbigan_cuda_peak(CbiganBackend *self, gsize n, const float *x, float *peak);
CbiganIntake *cbigan_cuda_intake(CbiganBackend *self, int frames, int width, int height);
void cbigan_cuda_record(CbiganBackend *self, CbiganRecording **recording, double number,
                        void (*operations)(gpointer data), gpointer data);
void cbigan_cuda_recording_free(CbiganBackend *self, CbiganRecording *recording);
void cbigan_cuda_patches(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                         float gain, float shift, float *x);

G_END_DECLS
