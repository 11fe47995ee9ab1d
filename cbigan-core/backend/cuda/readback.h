/* readback.h - numbers for the caller's host memory: kernels leave them side by side, and one copy fetches them all
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "context.h"

G_BEGIN_DECLS

typedef enum {
  CBIGAN_CUDA_SUMS, /* doubles: each sum is the sum of its parts */
  CBIGAN_CUDA_PEAK  /* floats: the largest of a group's parts, or NaN if one part is NaN */
} CbiganCudaResultKind;

/* A kernel computes `parts` partial results per group; the host combines them in their order. */
typedef struct {
  CbiganCudaResultKind kind;
  int groups, parts;
  void *to;     /* the caller's double[groups] or float[groups]; written by finish() */
  gsize offset; /* bytes into the staging buffer; set by cbigan_cuda_readback_request() */
} CbiganCudaResult;

/* Device memory in which a kernel leaves (groups, parts) numbers; finish() hands them to the caller. NULL: failed, the
 * failure is kept, and the caller's numbers are NaN. */
void *cbigan_cuda_readback_request(CbiganCuda *self, CbiganCudaResult result);
/* Puts the copy of all new results to the host into the stream. */
void cbigan_cuda_readback_copy(CbiganCuda *self);
/* Waits, and writes all results to the caller's memory: NaN where something failed. */
void cbigan_cuda_readback_finish(CbiganCuda *self);

G_END_DECLS
