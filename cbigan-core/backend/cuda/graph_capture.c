/* graph_capture.c - operations of a scoring pass or of a training step as CUDA graphs
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The operations' pointers stay, but for memory of the backend's own, which may have grown for somebody else. For the
 * first time they are launched one by one, so that what grows has grown and kernels are loaded when they are captured.
 */
#include "graph_cache.h"

#include <string.h>

enum { WORKSPACE, INBOX, RESULTS, RESULTS_SIZE, RESULTS_USED, NUMBER, N_POINTERS };
G_STATIC_ASSERT(sizeof(double) <= sizeof(void *));

struct _CbiganRecording {
  CbiganCudaGraphs graphs;
};

/* What is recorded, and who records it */
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
  cbigan_cuda_results_fetch(o->cuda);
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
  cbigan_cuda_results_fetch(self); /* those of before are none of the recording's */
  const void **pointers = (*recording)->graphs.pointers;
  pointers[WORKSPACE] = self->workspace;
  pointers[INBOX] = GSIZE_TO_POINTER(self->inbox.size); /* only grows, at the same address maybe */
  pointers[RESULTS] = self->results.device;
  pointers[RESULTS_SIZE] = GSIZE_TO_POINTER(self->results.size);
  pointers[RESULTS_USED] = GSIZE_TO_POINTER(self->results_used);
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
