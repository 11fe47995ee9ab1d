/* cpu.h - inside of the cpu backend: oneDNN primitives over values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Shared by the forward operations here and the gradients in the trainer. Everything is created in plan functions;
 * running one only sets pointers. Scratchpads are ours, one for all primitives of a backend: oneDNN's own belong to
 * the thread that created the primitive, and scorers are opened in one thread and run in another.
 *
 * To add an operation: fill an operation descriptor, cbigan_cpu_primitive_init(), and at run time
 * cbigan_cpu_set() for each pointer, then cbigan_cpu_execute().
 */
#pragma once
#include <oneapi/dnnl/dnnl.h>

#include "backend/backend.h"
#include "backend/cpu/simd/simd_patches.h"
#include "backend/cpu/threads/thread_pool.h"
#include "backend/cpu/threads/threads.h"

G_BEGIN_DECLS

typedef struct {
  CbiganBackend base;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  float *scratchpad; /* of scratchpad_size bytes: the largest that any primitive asked for */
  gsize scratchpad_size;
  CbiganCpuShare *share;     /* of the processors */
  CbiganCpuPool *pool;       /* for fused layers and loops over frames */
  const CbiganIsa *isa;      /* of fused layers; NULL = none */
  CbiganPrecision precision; /* of layers fused from now on */
  gboolean training;         /* has the processors to itself: waits as OpenMP likes to (waiting.c) */
} CbiganCpu;

#define CBIGAN_CPU_MAX_ARGUMENTS 8
#define CBIGAN_CPU_PARALLEL 65536 /* floats from which on a loop is worth a second thread */

/* A primitive and one memory object for each DNNL_ARG_* it takes. Zeroed = none; clear does nothing then. */
typedef struct {
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t arguments[CBIGAN_CPU_MAX_ARGUMENTS];
  int n_arguments;
} CbiganCpuPrimitive;

typedef struct _CbiganCpuConv1 CbiganCpuConv1; /* conv1.h */
typedef struct _CbiganCpuConv3 CbiganCpuConv3; /* conv3.h */

typedef struct {
  CbiganPlan base;
  CbiganCpuConv1 *conv1; /* own kernels, one of the two; NULL = what follows */
  CbiganCpuConv3 *conv3;
  CbiganCpuPrimitive operation; /* none for dense */
  CbiganCpuPrimitive pack;      /* parameters -> weights; none for upsample and avgpool */
  float *weights;               /* in the order that the operation wants */
  float *bias;                  /* (out.c) in n,h,w,c order; NULL = none */
} CbiganCpuPlan;

/* primitive.c */
/* operation: a dnnl_..._desc_t. attributes: taken over, NULL = none. hint: of the forward pass, for backward
 * primitives, else NULL. FALSE with CBIGAN_ERROR_BACKEND naming `what`. */
gboolean cbigan_cpu_primitive_init(CbiganCpu *self, CbiganCpuPrimitive *p, const char *what, const void *operation,
                                   dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint, GError **error);
/* DNNL_ARG_FROM -> DNNL_ARG_TO; accumulate: adds to what is there. */
gboolean cbigan_cpu_reorder_init(CbiganCpu *self, CbiganCpuPrimitive *p, const char *what,
                                 const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to, gboolean accumulate,
                                 GError **error);
void cbigan_cpu_primitive_clear(CbiganCpuPrimitive *p);
/* Descriptor of an argument (DNNL_ARG_SRC ...) as the primitive chose it; NULL: it has none. */
const dnnl_memory_desc_t *cbigan_cpu_descriptor(const CbiganCpuPrimitive *p, int argument);
void cbigan_cpu_set(CbiganCpuPrimitive *p, int argument, const void *data);
/* A failure goes to cbigan_backend_fail(). */
void cbigan_cpu_execute(CbiganCpu *self, CbiganCpuPrimitive *p);
/* At least so many bytes of scratchpad; FALSE = out of memory. Pointers into it are good until the next plan. */
gboolean cbigan_cpu_grow_scratchpad(CbiganCpu *self, gsize size);
/* FALSE, with the error set, unless status is dnnl_success. */
gboolean cbigan_cpu_check(dnnl_status_t status, const char *what, GError **error);

/* Post-ops of a forward layer: sum where it accumulates, then its activation. */
dnnl_primitive_attr_t cbigan_cpu_attributes(gboolean accumulate, CbiganActivation activation);
/* (n, c, h, w), n,h,w,c in memory */
dnnl_memory_desc_t cbigan_cpu_nhwc(int n, CbiganShape shape);
/* conv2d: (out.c, in.c, k, k); the primitive chooses the order */
dnnl_memory_desc_t cbigan_cpu_any_weights(const CbiganLayer *layer);
/* The same as it lies in the file's order (c,h,w, rows weight_stride apart). */
dnnl_memory_desc_t cbigan_cpu_file_weights(const CbiganLayer *layer);

/* Bytes, zeroed, 64-byte aligned; NULL = out of memory. For free(). */
void *cbigan_cpu_memory(gsize size);
/* OpenMP's count belongs to the calling thread: call it before creating or running anything parallel. */
void cbigan_cpu_use_threads(const CbiganCpu *self);
/* Threads for an operation that makes the same bits with any number of them: base.threads at most, fewer while other
 * threads of the program score too (sharing.c). */
int cbigan_cpu_team(const CbiganBackend *self);

/* CbiganBackendClass.each: by the pool's helpers */
void cbigan_cpu_each(CbiganBackend *self, int n, CbiganRangeFunc range, gpointer data);

/* For a layer with weights: memory of `size` bytes for them and for the biases, and the reorder that fills it. */
gboolean cbigan_cpu_plan_weights(CbiganCpu *self, CbiganCpuPlan *plan, const dnnl_memory_desc_t *file,
                                 const dnnl_memory_desc_t *packed, gsize size, GError **error);

/* The operations, each in its own file. */
gboolean cbigan_cpu_plan_conv2d(CbiganCpu *self, CbiganCpuPlan *plan, GError **error);
gboolean cbigan_cpu_plan_dense(CbiganCpu *self, CbiganCpuPlan *plan, GError **error);
gboolean cbigan_cpu_plan_avgpool(CbiganCpu *self, CbiganCpuPlan *plan, GError **error);
void cbigan_cpu_upload(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data);
void cbigan_cpu_download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host);
void cbigan_cpu_patches(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                        float gain, float shift, float *x);
void cbigan_cpu_dense(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
void cbigan_cpu_upsample(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
void cbigan_cpu_l1(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                   double *sums);

G_END_DECLS
