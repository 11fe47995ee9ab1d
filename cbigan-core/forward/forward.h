/* forward.h - a network bound to a backend and a batch size
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"
#include "model/liveness.h"

G_BEGIN_DECLS

typedef struct {
  CbiganBackend *backend;       /* not owned */
  const CbiganNetwork *network; /* not owned */
  int batch;
  int n_layers;       /* runs layers [0, n_layers) */
  CbiganPlan **plans; /* [n_layers]: a plan at its first layer, NULL at the others that it runs */
  float **values;     /* [network->n_values]: (batch, c, h, w) each in backend memory. NULL if no plan reads or leaves
                       * it. A caller may put other buffers in their place between two runs. */
  float **buffers;    /* the distinct buffers behind values */
  int n_buffers;
  float *packed;           /* host memory: planes side by side, where the backend wants them so; NULL until then */
  const float *parameters; /* backend memory, not owned */
} CbiganForward;

/* keep: values (besides the inputs and the last layer's) that must survive the run, -1-terminated; NULL = none.
 * CBIGAN_KEEP_ALL: every value has its own buffer and every layer is run by itself, as gradients need it. Else the
 * backend may run many layers as one, and values share buffers. parameters: network->n_floats floats in backend memory,
 * loaded at once; they must outlive this. NULL with CBIGAN_ERROR_BACKEND (out of memory, no primitive). Free with
 * cbigan_forward_free(). One thread at a time. */
CbiganForward *cbigan_forward_new(CbiganBackend *backend, const CbiganNetwork *network, int n_layers, int batch,
                                  const int *keep, const float *parameters, GError **error);
/* The same for another backend of the same class and options, with the weights of `like` where the backend can share
 * them. network, keep: equal to those of `like`, whose parameters must outlive this. */
CbiganForward *cbigan_forward_new_like(CbiganBackend *backend, const CbiganNetwork *network, const int *keep,
                                       const CbiganForward *like, GError **error);
void cbigan_forward_free(CbiganForward *self); /* self: may be NULL */
/* Call this after every change of the parameters. */
void cbigan_forward_load(CbiganForward *self);
/* Fill values[0..n_inputs) first; all layers run. cbigan_backend_finish() reports errors. */
void cbigan_forward_run(CbiganForward *self);
/* The same with value 0 from planes, for a network with one input and a batch of one. The planes are read before a
 * download() or cbigan_backend_finish() returns. FALSE: nothing was done, because the backend can't use their maker. */
gboolean cbigan_forward_run_planes(CbiganForward *self, const CbiganPlanes *planes);
/* For a second run in which only values[input] has changed: leaves out the layers that do not depend on it. The values
 * that those layers computed and others read must be in `keep`. The layer of a sum that depends on the input must come
 * first, as in D's table. */
void cbigan_forward_run_again(CbiganForward *self, int input);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganForward, cbigan_forward_free)

G_END_DECLS
