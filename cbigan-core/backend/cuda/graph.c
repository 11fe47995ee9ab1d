/* graph.c - launches as a CUDA graph: captured once for each set of pointers, then launched with one call
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A graph has the pointers of its launches in it, so the caller names all that can change: the values, the parameters,
 * cuDNN's workspace. A set that is not known takes the place of the one that was not used for longest.
 */
#include "backend/cuda/graph.h"

#include <string.h>

void
cbigan_cuda_graphs_init(CbiganCudaGraphs *graphs, int n_pointers)
{
  *graphs = (CbiganCudaGraphs){ .pointers = g_new0(const void *, n_pointers), .n_pointers = n_pointers };
  for (int i = 0; i < CBIGAN_CUDA_GRAPHS; i++)
    graphs->graphs[i].pointers = g_new0(const void *, n_pointers);
}

static void
destroy(CbiganCuda *self, CbiganCudaGraph *graph)
{
  if (!graph->exec)
    return;
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* for the one that still runs */
  CBIGAN_CUDA_TRY(self, cudaGraphExecDestroy(graph->exec));
  graph->exec = NULL;
}

void
cbigan_cuda_graphs_clear(CbiganCuda *self, CbiganCudaGraphs *graphs)
{
  for (int i = 0; i < CBIGAN_CUDA_GRAPHS; i++) {
    destroy(self, &graphs->graphs[i]);
    g_free(graphs->graphs[i].pointers);
  }
  g_free(graphs->pointers);
  *graphs = (CbiganCudaGraphs){ 0 };
}

/* What other threads do meanwhile with the GPU is no business of the capture's: thread-local. It is ended after a
 * failure too, or the stream would be of no use any more; the failure that is kept is the first one's. */
static cudaGraphExec_t
capture(CbiganCuda *self, void (*enqueue)(gpointer), gpointer data)
{
  cudaGraph_t graph = NULL;
  cudaGraphExec_t exec = NULL;
  if (!CBIGAN_CUDA_TRY(self, cudaStreamBeginCapture(self->stream, cudaStreamCaptureModeThreadLocal)))
    return NULL;
  self->capturing = TRUE;
  enqueue(data);
  self->capturing = FALSE;
  if (CBIGAN_CUDA_TRY(self, cudaStreamEndCapture(self->stream, &graph)) && !self->base.failure &&
      !CBIGAN_CUDA_TRY(self, cudaGraphInstantiate(&exec, graph, 0)))
    exec = NULL;
  if (graph)
    CBIGAN_CUDA_TRY(self, cudaGraphDestroy(graph));
  return exec;
}

static CbiganCudaGraph *
find(CbiganCudaGraphs *graphs)
{
  CbiganCudaGraph *oldest = &graphs->graphs[0];
  for (CbiganCudaGraph *g = oldest; g < graphs->graphs + CBIGAN_CUDA_GRAPHS; g++) {
    if (g->exec && !memcmp(g->pointers, graphs->pointers, (gsize)graphs->n_pointers * sizeof *g->pointers))
      return g;
    if (g->last_used < oldest->last_used)
      oldest = g;
  }
  return oldest;
}

/* The first call is made of launches: libraries load kernels with the first launch of each, which a capture may not
 * allow. */
void
cbigan_cuda_graphs_run(CbiganCuda *self, CbiganCudaGraphs *graphs, void (*enqueue)(gpointer), gpointer data)
{
  if (!self->graphs || self->capturing || graphs->calls++ == 0) {
    enqueue(data);
    return;
  }
  CbiganCudaGraph *graph = find(graphs);
  gsize size = (gsize)graphs->n_pointers * sizeof *graph->pointers;
  if (!graph->exec || memcmp(graph->pointers, graphs->pointers, size)) {
    destroy(self, graph);
    if (!(graph->exec = capture(self, enqueue, data)))
      return;
    memcpy(graph->pointers, graphs->pointers, size);
  }
  graph->last_used = graphs->calls;
  CBIGAN_CUDA_TRY(self, cudaGraphLaunch(graph->exec, self->stream));
}
