/* step_io.h - what an update takes from the host, and the losses that it gives back
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Both keep their place in backend memory, so that the operations between them can be recorded. A new number of a loss
 * is a row of CbiganTerm.
 */
#pragma once
#include "data/augment.h"

G_BEGIN_DECLS

/* What the losses are computed from: N doubles each. */
typedef enum {
  CBIGAN_TERM_SQUARES,        /* |grad D(x^, z^)|^2 */
  CBIGAN_TERM_RECONSTRUCTION, /* ||x - G(E(x))||_1 */
  CBIGAN_TERM_LATENT,         /* ||z - E(G(z))||_1 */
  CBIGAN_TERM_CRITIC,         /* 2N floats: D(x, E(x)), D(G(z), z) */
  CBIGAN_N_TERMS
} CbiganTerm;

typedef struct {
  const CbiganGrad *grad; /* not owned */
  int batch;              /* N */
  float *input;           /* backend memory: one CbiganUpdate, then e and z */
  float *e, *z;           /* (N), (N, 64): in `input` */
  float *terms;           /* (CBIGAN_N_TERMS, N) doubles, backend memory */
  double *read;           /* the same in host memory */
} CbiganStepIo;

/* grad must outlive it. FALSE with CBIGAN_ERROR_BACKEND; clear it in any case. */
gboolean cbigan_step_io_init(CbiganStepIo *self, const CbiganGrad *grad, int batch, GError **error);
void cbigan_step_io_clear(CbiganStepIo *self);
/* Brings the batch into backend memory: its patches (N, image) to x, its update, e and z to `input`. */
void cbigan_step_io_receive(CbiganStepIo *self, const CbiganBatch *batch, CbiganShape image, float *x);
/* Fills `read`. This is the only time that an update waits. FALSE with the backend's failure. */
gboolean cbigan_step_io_read(CbiganStepIo *self, GError **error);

static inline const CbiganUpdate *
cbigan_step_io_update(const CbiganStepIo *self)
{
  return (const CbiganUpdate *)(gconstpointer)self->input;
}

static inline double *
cbigan_step_io_term(const CbiganStepIo *self, CbiganTerm term) /* in backend memory */
{
  return (double *)(gpointer)self->terms + (int)term * self->batch;
}

G_END_DECLS
