/* forward.h - a network bound to a backend and a batch size
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

typedef enum {
  CBIGAN_FORWARD_REUSE, /* buffers are shared as soon as nobody reads them */
  CBIGAN_FORWARD_FUSE, /* so, and layers are done together where the backend is faster so, with other roundings: scoring
                        */
  CBIGAN_FORWARD_KEEP, /* every value keeps its own buffer */
  CBIGAN_FORWARD_TRAIN, /* so, and layers are planned for training */
} CbiganForwardMemory;

typedef struct {
  CbiganBackend *backend;       /* not owned */
  const CbiganNetwork *network; /* not owned */
  int batch;
  int n_layers;        /* runs layers [0, n_layers) */
  CbiganPlan **plans;  /* [n_layers]; NULL where fused */
  CbiganFused **fused; /* [n_layers]: at its first layer; NULL elsewhere */
  float **values;      /* [network->n_values]: (batch, c, h, w) each in backend memory; NULL where never written,
                        * or only within fused layers */
  float **buffers;     /* the distinct buffers behind values */
  int n_buffers;
  const float *parameters; /* backend memory, not owned */
} CbiganForward;

/* keep: values (besides the inputs and the last layer's) that must survive the pass unless all do (_KEEP, _TRAIN),
 * -1-terminated, or NULL. parameters: network->n_floats floats in backend memory, loaded at once; they must outlive
 * this. NULL with CBIGAN_ERROR_BACKEND (out of memory, no primitive). */
CbiganForward *cbigan_forward_new(CbiganBackend *backend, const CbiganNetwork *network, int n_layers, int batch,
                                  CbiganForwardMemory memory, const int *keep, const float *parameters, GError **error);
void cbigan_forward_free(CbiganForward *self);
/* After the parameters changed. */
void cbigan_forward_load(CbiganForward *self);
/* Fill values[0..n_inputs) first; all layers run. Errors come from cbigan_backend_finish(). */
void cbigan_forward_run(CbiganForward *self);
/* After cbigan_forward_run(), when only values[input] has changed since: leaves out the layers that don't depend on it.
 * What they computed and others read must be among `keep`, or all kept. Of a sum, the part that depends on the input
 * comes first (as D's table has it). */
void cbigan_forward_run_again(CbiganForward *self, int input);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganForward, cbigan_forward_free)

G_END_DECLS
