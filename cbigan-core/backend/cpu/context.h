/* context.h - inside of the cpu backend: oneDNN primitives over values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Shared by the forward operations here and the gradients in the trainer. Everything is created in plan functions;
 * running an operation only sets pointers. The scratchpads are the backend's, one per thread: oneDNN's own ones belong
 * to the thread that created the primitive, and scorers are opened in one thread and run in another.
 *
 * One pool of threads does all work. oneDNN's primitives are made for one thread each; an operation is several of them
 * (CbiganCpuPieces), which the pool's threads run at the same time.
 */
#pragma once
#include "backend/backend.h"
#include "backend/cpu/onednn/onednn.h"
#include "backend/cpu/simd/simd_patches.h"
#include "backend/cpu/threads/thread_pool.h"
#include "backend/cpu/threads/threads.h"

G_BEGIN_DECLS

typedef struct {
  CbiganBackend base;
  dnnl_engine_t engine;
  dnnl_stream_t *streams; /* (base.threads) */
  float *scratchpad;      /* (base.threads, scratchpad_size bytes): the largest that any operation asked for */
  gsize scratchpad_size;
  CbiganCpuShare *share;   /* of the processors */
  CbiganCpuPool *pool;     /* NULL with one thread */
  const CbiganCpuIsa *isa; /* of own kernels; NULL = none */
} CbiganCpu;

#define CBIGAN_CPU_MAX_ARGUMENTS 8

/* A primitive of one thread, and one memory object for each DNNL_ARG_* that it takes. */
typedef struct {
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t arguments[CBIGAN_CPU_MAX_ARGUMENTS];
  int n_arguments;
  gsize offsets[2];     /* floats from the beginning of cbigan_cpu_execute()'s arguments to this piece's part of them */
  dnnl_status_t status; /* of the last execution */
} CbiganCpuPrimitive;

/* An operation in pieces that threads do at the same time. Zeroed = none; clear does nothing then. */
typedef struct {
  CbiganCpuPrimitive *piece;
  int n;
} CbiganCpuPieces;

typedef struct _CbiganCpuConv1 CbiganCpuConv1; /* conv1x1.h */
typedef struct _CbiganCpuConv3 CbiganCpuConv3; /* conv3x3.h */

typedef struct _CbiganCpuPlan CbiganCpuPlan;
struct _CbiganCpuPlan {
  CbiganPlan base;
  CbiganCpu *cpu;
  void (*load)(CbiganCpuPlan *self, const float *parameters);
  void (*run)(CbiganCpuPlan *self, float *const *values);
};

/* A layer by itself */
typedef struct {
  CbiganCpuPlan base;
  const CbiganLayer *layer;
  int batch;
  CbiganCpuConv1 *conv1; /* own kernels, at most one of the two; both NULL = the operation below */
  CbiganCpuConv3 *conv3;
  CbiganCpuPieces operation; /* of conv2d */
  CbiganCpuPieces pack;      /* parameters -> weights; none for upsample and avgpool */
  float *weights;            /* in the order that the operation wants */
  float *bias;               /* (out.c) in n,h,w,c order; NULL = none */
} CbiganCpuLayer;

/* onednn/primitive.c */
/* attributes: taken over, NULL = none. hint: of the forward pass, for backward
 * primitives, else NULL. FALSE with CBIGAN_ERROR_BACKEND naming `what`. */
gboolean cbigan_cpu_primitive_init(CbiganCpu *self, CbiganCpuPrimitive *p, const char *what,
                                   const CbiganCpuConvolution *operation, dnnl_primitive_attr_t attributes,
                                   const_dnnl_primitive_desc_t hint, GError **error);
/* DNNL_ARG_FROM -> DNNL_ARG_TO; accumulate: adds to the values in the destination. */
gboolean cbigan_cpu_reorder_init(CbiganCpu *self, CbiganCpuPieces *pieces, const char *what,
                                 const CbiganCpuLayout *from, const CbiganCpuLayout *to, gboolean accumulate,
                                 GError **error);
/* Adds a zeroed piece; the pointer is valid until the next piece is added. */
CbiganCpuPrimitive *cbigan_cpu_pieces_add(CbiganCpuPieces *pieces);
void cbigan_cpu_pieces_clear(CbiganCpuPieces *pieces);
/* Layout of an argument (DNNL_ARG_SRC ...) as the first piece chose it; NULL = it has none. The piece keeps it. */
const CbiganCpuLayout *cbigan_cpu_pieces_layout(const CbiganCpuPieces *pieces, int argument);
/* Sets an argument for all later runs: piece i gets data + i * step floats. */
void cbigan_cpu_set(CbiganCpuPieces *pieces, int argument, const float *data, gsize step);
/* All pieces by the pool's threads, each with its part of two arguments. A failure goes to cbigan_backend_fail(). */
void cbigan_cpu_execute(CbiganCpu *self, CbiganCpuPieces *pieces, int first_argument, const float *first,
                        int second_argument, const float *second);
/* Between the two calls oneDNN makes and runs operations for the calling thread alone. */
int cbigan_cpu_one_thread(void);
void cbigan_cpu_threads_back(int before);
/* At least so many bytes of scratchpad per thread; FALSE = out of memory. Pointers are valid until the next plan. */
gboolean cbigan_cpu_grow_scratchpad(CbiganCpu *self, gsize size);
float *cbigan_cpu_scratch(const CbiganCpu *self, int thread);
/* FALSE, with the error set, unless status is dnnl_success. */
gboolean cbigan_cpu_check(dnnl_status_t status, const char *what, GError **error);

/* Post-ops of a forward layer: sum where it accumulates, then its activation. */
dnnl_primitive_attr_t cbigan_cpu_attributes(gboolean accumulate, CbiganActivation activation);
/* The caller frees these layouts; NULL = out of memory. */
/* (n, c, h, w), n,h,w,c in memory */
CbiganCpuLayout *cbigan_cpu_nhwc(int n, CbiganShape shape);
/* conv2d: (out.c, in.c, k, k); the primitive chooses the order */
CbiganCpuLayout *cbigan_cpu_any_weights(const CbiganLayer *layer);
/* As above, in the file's order (c,h,w, rows weight_stride apart). */
CbiganCpuLayout *cbigan_cpu_file_weights(const CbiganLayer *layer);

/* onednn/convolution.c: execute with (SRC, x; DST, y), (DIFF_SRC, dx; DIFF_DST, dy) or (SRC, x; DIFF_DST, dy). Each
 * piece of CBIGAN_CPU_WEIGHTS writes the gradient of its samples to a DIFF_WEIGHTS of its own. */
typedef enum { CBIGAN_CPU_FORWARD, CBIGAN_CPU_DATA, CBIGAN_CPU_WEIGHTS } CbiganCpuDirection;
gboolean cbigan_cpu_convolution_init(CbiganCpu *self, CbiganCpuPieces *pieces, CbiganCpuDirection direction,
                                     const CbiganLayer *layer, int batch, GError **error);

/* Bytes, zeroed, 64-byte aligned; NULL = out of memory. For free(). */
void *cbigan_cpu_memory(gsize size);
/* The same for packed weights, which plans of several backends may hold; NULL = out of memory. The last unref frees
 * them. Any thread. */
float *cbigan_cpu_weights_new(gsize n_floats);
float *cbigan_cpu_weights_ref(float *weights); /* NULL: NULL */
void cbigan_cpu_weights_unref(float *weights); /* NULL: nothing */
/* Threads for an operation that makes the same bits with any number of them: base.threads at most, fewer while other
 * threads of the program score too (cpu_budget.c). */
int cbigan_cpu_team(const CbiganBackend *self);
/* Items 0 .. n - 1 by the threads of the team. work: as CbiganCpuRun.work; turn is 0. */
void cbigan_cpu_parallel(CbiganCpu *self, int n, void (*work)(gpointer data, int turn, int item, int thread),
                         gpointer data);
/* CbiganBackend.each: by the pool's threads */
void cbigan_cpu_each(CbiganBackend *self, int n, CbiganRangeFunc range, gpointer data);

/* For a layer with weights: memory of `size` bytes for them and for the biases, and the reorder that fills it. FALSE
 * with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_cpu_plan_weights(CbiganCpuLayer *plan, const CbiganCpuLayout *file, const CbiganCpuLayout *packed,
                                 gsize size, GError **error);

/* The operations, each in its own file. plan: FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_cpu_plan_conv2d(CbiganCpuLayer *plan, GError **error);
gboolean cbigan_cpu_plan_dense(CbiganCpuLayer *plan, GError **error);
void cbigan_cpu_dense(const CbiganCpuLayer *plan, const float *x, float *y);
void cbigan_cpu_upsample(const CbiganCpuLayer *plan, const float *x, float *y);
void cbigan_cpu_avgpool(const CbiganCpuLayer *plan, const float *x, float *y);
void cbigan_cpu_upload(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data);
void cbigan_cpu_download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host);
void cbigan_cpu_difference(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                           double *sums);

G_END_DECLS
