/* graph_cache.h - launches as a CUDA graph, captured once per set of pointers that the launches use
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "context.h"

G_BEGIN_DECLS

#define CBIGAN_CUDA_GRAPHS 4 /* sets that are remembered; scoring and training use one or two each */

typedef struct {
  const void **pointers; /* [n_pointers] that it was captured with */
  cudaGraphExec_t exec;  /* NULL: unused */
  GArray *pending;       /* of CbiganCudaResult: results that each launch leaves; NULL: none */
  gsize results_used;    /* CbiganCudaReadback.used and .copied behind it */
  gsize results_copied;
  guint64 last_used; /* number of the call that launched it last */
} CbiganCudaGraph;

typedef struct {
  CbiganCudaGraph graphs[CBIGAN_CUDA_GRAPHS];
  const void **pointers; /* [n_pointers] of the next call: the caller fills them in */
  int n_pointers;
  guint64 calls;
} CbiganCudaGraphs;

void cbigan_cuda_graphs_init(CbiganCudaGraphs *graphs, int n_pointers);
/* Does the work that enqueue(data) puts into the stream. The first call calls enqueue(), later ones launch a graph of
 * it. Inside another graph's enqueue() the work becomes a part of that graph. */
void cbigan_cuda_graphs_run(CbiganCuda *self, CbiganCudaGraphs *graphs, void (*enqueue)(gpointer data), gpointer data);
/* Waits for graphs that still run. */
void cbigan_cuda_graphs_clear(CbiganCuda *self, CbiganCudaGraphs *graphs);

G_END_DECLS
