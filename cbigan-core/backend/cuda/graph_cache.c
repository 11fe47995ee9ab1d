/* graph_cache.c - launches as a CUDA graph: captured once for each set of pointers, then launched with one call
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A graph has the pointers of its launches in it, so the caller names all that can change: the values, the parameters,
 * cuDNN's workspace. A set that is not known takes the place of the one that was not used for longest.
 */
#include "graph_cache.h"

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
    g_clear_pointer(&graphs->graphs[i].awaited, g_array_unref);
    g_free(graphs->graphs[i].pointers);
  }
  g_free(graphs->pointers);
  *graphs = (CbiganCudaGraphs){ 0 };
}

/* What has graphs of its own needs none within. */
static void
enqueue_nested(CbiganCuda *self, void (*enqueue)(gpointer), gpointer data)
{
  self->nested = TRUE;
  enqueue(data);
  self->nested = FALSE;
}

/* Thread-local: what other threads do meanwhile with the GPU is allowed, but for waiting for all of the context. It is
 * ended after a failure too, or the stream would be of no use any more; the failure that is kept is the first one's. */
static cudaGraphExec_t
capture(CbiganCuda *self, void (*enqueue)(gpointer), gpointer data)
{
  cudaGraph_t graph = NULL;
  cudaGraphExec_t exec = NULL;
  if (!CBIGAN_CUDA_TRY(self, cudaStreamBeginCapture(self->stream, cudaStreamCaptureModeThreadLocal)))
    return NULL;
  enqueue_nested(self, enqueue, data);
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

/* The results that the launches since `first` leave are the graph's: another launch of it leaves them again. */
static void
keep_results(CbiganCuda *self, CbiganCudaGraph *graph, guint first)
{
  g_clear_pointer(&graph->awaited, g_array_unref);
  if (self->awaited->len > first) {
    graph->awaited = g_array_new(FALSE, FALSE, sizeof(CbiganCudaResult));
    g_array_append_vals(graph->awaited, &g_array_index(self->awaited, CbiganCudaResult, first),
                        self->awaited->len - first);
  }
  graph->results_used = self->results_used;
  graph->results_fetched = self->results_fetched;
}

static void
await_results(CbiganCuda *self, const CbiganCudaGraph *graph)
{
  if (!graph->awaited)
    return;
  g_array_append_vals(self->awaited, graph->awaited->data, graph->awaited->len);
  self->results_used = self->results_total = graph->results_used;
  self->results_fetched = graph->results_fetched;
}

/* Graphs that could not be captured one after another until there are no more */
#define MOST_REFUSALS 3

/* What can't be captured, or instantiated, is launched instead. Others may be to blame: a thread that waits for all
 * that is in the context spoils our capture. */
static gboolean
capture_new(CbiganCuda *self, CbiganCudaGraphs *graphs, CbiganCudaGraph *graph, void (*enqueue)(gpointer),
            gpointer data)
{
  const gboolean failed = self->base.failure != NULL;
  const guint awaited = self->awaited->len;
  const gsize used = self->results_used, fetched = self->results_fetched, total = self->results_total;
  destroy(self, graph);
  if ((graph->exec = capture(self, enqueue, data))) {
    memcpy(graph->pointers, graphs->pointers, (gsize)graphs->n_pointers * sizeof *graph->pointers);
    keep_results(self, graph, awaited);
    self->refusals = 0;
    return TRUE;
  }
  if (failed || cudaStreamSynchronize(self->stream) != cudaSuccess) /* the device itself */
    return FALSE;
  g_clear_error(&self->base.failure);
  g_array_set_size(self->awaited, awaited);
  self->results_used = used;
  self->results_fetched = fetched;
  self->results_total = total;
  self->graphs = ++self->refusals < MOST_REFUSALS;
  enqueue_nested(self, enqueue, data);
  return FALSE;
}

/* The first call is made of launches: libraries load kernels with the first launch of each, which a capture may not
 * allow, and memory grows. */
void
cbigan_cuda_graphs_run(CbiganCuda *self, CbiganCudaGraphs *graphs, void (*enqueue)(gpointer), gpointer data)
{
  if (!self->graphs || self->nested) {
    enqueue(data);
    return;
  }
  if (graphs->calls++ == 0) {
    enqueue_nested(self, enqueue, data);
    if (self->base.failure) /* it did not come to that, maybe */
      graphs->calls = 0;
    return;
  }
  CbiganCudaGraph *graph = find(graphs);
  gsize size = (gsize)graphs->n_pointers * sizeof *graph->pointers;
  if (graph->exec && !memcmp(graph->pointers, graphs->pointers, size))
    await_results(self, graph);
  else if (!capture_new(self, graphs, graph, enqueue, data))
    return;
  graph->last_used = graphs->calls;
  CBIGAN_CUDA_TRY(self, cudaGraphLaunch(graph->exec, self->stream));
}
