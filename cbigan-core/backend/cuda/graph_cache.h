/* graph_cache.h - launches as a CUDA graph, captured once for each set of pointers that they use
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cuda.h"

G_BEGIN_DECLS

#define CBIGAN_CUDA_GRAPHS 4 /* sets; scoring has one or two, training one or two */

typedef struct {
  const void **pointers;               /* [n_pointers] */
  cudaGraphExec_t exec;                /* NULL: free */
  GArray *awaited;                     /* of CbiganCudaResult: that it leaves; NULL: none */
  gsize results_used, results_fetched; /* behind it */
  guint64 last_used;
} CbiganCudaGraph;

typedef struct {
  CbiganCudaGraph graphs[CBIGAN_CUDA_GRAPHS];
  const void **pointers; /* [n_pointers] of this call: filled by the caller */
  int n_pointers;
  guint64 calls;
} CbiganCudaGraphs;

void cbigan_cuda_graphs_init(CbiganCudaGraphs *graphs, int n_pointers);
/* Does what enqueue(data) puts into the stream: for the first time by calling it, then by graphs. Within another's
 * enqueue() it becomes a part of that one's graph. */
void cbigan_cuda_graphs_run(CbiganCuda *self, CbiganCudaGraphs *graphs, void (*enqueue)(gpointer data), gpointer data);
/* Waits. */
void cbigan_cuda_graphs_clear(CbiganCuda *self, CbiganCudaGraphs *graphs);

G_END_DECLS
