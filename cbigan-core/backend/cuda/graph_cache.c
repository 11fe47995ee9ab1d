/* graph_cache.c - launches as a CUDA graph: captured once per set of pointers, then launched with one call
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A graph holds the pointers of its launches. The caller therefore names every pointer that can change: values,
 * parameters, cuDNN's workspace. A new set of pointers replaces the least recently used one.
 */
#include "graph_cache.h"

#include <string.h>

#include "readback.h"

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
  CBIGAN_CUDA_TRY(self, cudaStreamSynchronize(self->stream)); /* it may still run */
  CBIGAN_CUDA_TRY(self, cudaGraphExecDestroy(graph->exec));
  graph->exec = NULL;
}

void
cbigan_cuda_graphs_clear(CbiganCuda *self, CbiganCudaGraphs *graphs)
{
  for (int i = 0; i < CBIGAN_CUDA_GRAPHS; i++) {
    destroy(self, &graphs->graphs[i]);
    g_clear_pointer(&graphs->graphs[i].pending, g_array_unref);
    g_free(graphs->graphs[i].pointers);
  }
  g_free(graphs->pointers);
  *graphs = (CbiganCudaGraphs){ 0 };
}

/* Operations that would use graphs of their own are enqueued directly. */
static void
enqueue_nested(CbiganCuda *self, void (*enqueue)(gpointer), gpointer data)
{
  self->nested = TRUE;
  enqueue(data);
  self->nested = FALSE;
}

/* A thread-local capture lets other threads use the GPU meanwhile, except to wait for the whole context. The capture is
 * ended after a failure as well, or the stream could not be used again. NULL: failed, and the first failure is kept. */
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

/* Each launch of the graph leaves the results that were requested while it was captured: from number `first` on. */
static void
keep_results(CbiganCuda *self, CbiganCudaGraph *graph, guint first)
{
  const CbiganCudaReadback *r = &self->readback;
  g_clear_pointer(&graph->pending, g_array_unref);
  if (r->pending->len > first) {
    graph->pending = g_array_new(FALSE, FALSE, sizeof(CbiganCudaResult));
    g_array_append_vals(graph->pending, &g_array_index(r->pending, CbiganCudaResult, first), r->pending->len - first);
  }
  graph->results_used = r->used;
  graph->results_copied = r->copied;
}

static void
expect_results(CbiganCuda *self, const CbiganCudaGraph *graph)
{
  CbiganCudaReadback *r = &self->readback;
  if (!graph->pending)
    return;
  g_array_append_vals(r->pending, graph->pending->data, graph->pending->len);
  r->used = r->requested = graph->results_used;
  r->copied = graph->results_copied;
}

#define MAX_FAILED_CAPTURES 3 /* in a row; then the backend launches everything one by one */

/* A sequence that can't be captured or instantiated is launched instead. The cause may lie elsewhere: another thread
 * that waits for the whole context invalidates the capture. */
static gboolean
capture_new(CbiganCuda *self, CbiganCudaGraphs *graphs, CbiganCudaGraph *graph, void (*enqueue)(gpointer),
            gpointer data)
{
  const gboolean failed = self->base.failure != NULL;
  const CbiganCudaReadback before = self->readback;
  const guint n_pending = before.pending->len;
  destroy(self, graph);
  if ((graph->exec = capture(self, enqueue, data))) {
    memcpy(graph->pointers, graphs->pointers, (gsize)graphs->n_pointers * sizeof *graph->pointers);
    keep_results(self, graph, n_pending);
    self->failed_graphs = 0;
    return TRUE;
  }
  if (failed || cudaStreamSynchronize(self->stream) != cudaSuccess) /* the device itself has failed */
    return FALSE;
  g_clear_error(&self->base.failure);
  g_array_set_size(self->readback.pending, n_pending);
  self->readback.used = before.used;
  self->readback.copied = before.copied;
  self->readback.requested = before.requested;
  self->graphs = ++self->failed_graphs < MAX_FAILED_CAPTURES;
  enqueue_nested(self, enqueue, data);
  return FALSE;
}

/* The first call is not captured: libraries load each kernel at its first launch, which a capture may forbid, and
 * memory grows. */
void
cbigan_cuda_graphs_run(CbiganCuda *self, CbiganCudaGraphs *graphs, void (*enqueue)(gpointer), gpointer data)
{
  if (!self->graphs || self->nested) {
    enqueue(data);
    return;
  }
  if (graphs->calls++ == 0) {
    enqueue_nested(self, enqueue, data);
    if (self->base.failure) /* some kernels may not be loaded yet */
      graphs->calls = 0;
    return;
  }
  CbiganCudaGraph *graph = find(graphs);
  gsize size = (gsize)graphs->n_pointers * sizeof *graph->pointers;
  if (graph->exec && !memcmp(graph->pointers, graphs->pointers, size))
    expect_results(self, graph);
  else if (!capture_new(self, graphs, graph, enqueue, data))
    return;
  graph->last_used = graphs->calls;
  CBIGAN_CUDA_TRY(self, cudaGraphLaunch(graph->exec, self->stream));
}
