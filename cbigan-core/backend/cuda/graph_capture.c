/* graph_capture.c - record(): the operations of a scoring pass or of a training step as CUDA graphs
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

struct _CbiganRecording {
  CbiganCudaGraphs graphs;
};

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

void
cbigan_cuda_record(CbiganBackend *base, CbiganRecording **recording, double number, void (*operations)(gpointer data),
                   gpointer data)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  if (!*recording) {
    *recording = g_new0(CbiganRecording, 1);
    cbigan_cuda_graphs_init(&(*recording)->graphs, N_POINTERS);
  }
  cbigan_cuda_readback_copy(self); /* earlier results are no part of the recording */
  const void **pointers = (*recording)->graphs.pointers;
  pointers[WORKSPACE] = self->workspace;
  pointers[PARTIAL_SIZE] = GSIZE_TO_POINTER(self->partial_size); /* not its address: larger memory may reuse that */
  pointers[RESULTS] = self->readback.staging.device;
  pointers[RESULTS_SIZE] = GSIZE_TO_POINTER(self->readback.staging.size);
  pointers[RESULTS_USED] = GSIZE_TO_POINTER(self->readback.used);
  memcpy(&pointers[NUMBER], &number, sizeof number);
  cbigan_cuda_graphs_run(self, &(*recording)->graphs, enqueue, &(Operations){ self, operations, data });
}

void
cbigan_cuda_recording_free(CbiganBackend *base, CbiganRecording *recording)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  cbigan_cuda_graphs_clear(self, &recording->graphs);
  g_free(recording);
}
