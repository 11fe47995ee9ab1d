/* graph_capture.c - capture(): the operations of a scoring pass or of a training step as CUDA graphs
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The caller's pointers stay the same, but the backend's own memory moves when other operations enlarge it. The first
 * time operations are launched one by one, so memory has grown and kernels are loaded before the capture.
 */
#include "graph_cache.h"

#include <string.h>

#include "operations.h"
#include "readback.h"

enum { WORKSPACE, PARTIAL_SIZE, RESULTS, RESULTS_SIZE, RESULTS_USED, NUMBER, N_POINTERS };
G_STATIC_ASSERT(sizeof(double) <= sizeof(void *));

typedef struct {
  CbiganCapture base;
  CbiganCudaGraphs graphs;
} Capture;

typedef struct {
  CbiganCuda *cuda;
  void (*operations)(gpointer data);
  gpointer data;
} Operations;

static void
enqueue(gpointer data)
{
  const Operations *o = data;
  o->operations(o->data);
  cbigan_cuda_readback_copy(o->cuda);
}

static void
capture_free(CbiganBackend *base, CbiganCapture *capture)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_graphs_clear(self, &((Capture *)capture)->graphs);
  g_free(capture);
}

void
cbigan_cuda_capture(CbiganBackend *base, CbiganCapture **capture, double number, void (*operations)(gpointer data),
                    gpointer data)
{
  CbiganCuda *self = (CbiganCuda *)base;
  if (!*capture) {
    Capture *made = g_new0(Capture, 1);
    made->base.free = capture_free;
    cbigan_cuda_graphs_init(&made->graphs, N_POINTERS);
    *capture = &made->base;
  }
  CbiganCudaGraphs *graphs = &((Capture *)*capture)->graphs;
  cbigan_cuda_readback_copy(self); /* earlier results are no part of the capture */
  const void **pointers = graphs->pointers;
  pointers[WORKSPACE] = self->workspace;
  pointers[PARTIAL_SIZE] = GSIZE_TO_POINTER(self->partial_size); /* not its address: larger memory may reuse that */
  pointers[RESULTS] = self->readback.staging.device;
  pointers[RESULTS_SIZE] = GSIZE_TO_POINTER(self->readback.staging.size);
  pointers[RESULTS_USED] = GSIZE_TO_POINTER(self->readback.used);
  memcpy(&pointers[NUMBER], &number, sizeof number);
  cbigan_cuda_graphs_run(self, graphs, enqueue, &(Operations){ self, operations, data });
}
