/* step_io.h - what an update takes from the host, and what comes back of it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Both lie at the same place in backend memory every time, so that all between them can be recorded. A new number of a
 * loss is a row of CbiganTerm.
 */
#pragma once
#include "data/augment.h"

G_BEGIN_DECLS

/* What the losses are made of: N doubles each. */
typedef enum {
  CBIGAN_TERM_SQUARES,        /* |grad D(x^, z^)|^2 */
  CBIGAN_TERM_RECONSTRUCTION, /* ||x - G(E(x))||_1 */
  CBIGAN_TERM_LATENT,         /* ||z - E(G(z))||_1 */
  CBIGAN_TERM_VERDICTS,       /* 2N floats: D(x, E(x)), D(G(z), z) */
  CBIGAN_N_TERMS
} CbiganTerm;

typedef struct {
  CbiganBackend *backend;
  const CbiganGradients *gradients;
  int batch;       /* N */
  float *received; /* backend memory: a CbiganUpdate, then */
  float *e, *z;    /* (N), (N, 64) */
  float *terms;    /* (CBIGAN_N_TERMS, N) doubles, backend memory */
  double *read;    /* the same on the host */
} CbiganStepIo;

/* FALSE with CBIGAN_ERROR_BACKEND; clear it in any case. */
gboolean cbigan_step_io_init(CbiganStepIo *self, CbiganBackend *backend, const CbiganGradients *gradients, int batch,
                             GError **error);
void cbigan_step_io_clear(CbiganStepIo *self);
/* Into backend memory: what the batch brings, its patches (N, image) to x. */
void cbigan_step_io_receive(CbiganStepIo *self, const CbiganBatch *batch, CbiganShape image, float *x);
/* Fills `read`: the one time that an update waits. FALSE with the backend's failure. */
gboolean cbigan_step_io_read(CbiganStepIo *self, GError **error);

static inline const CbiganUpdate *
cbigan_step_io_update(const CbiganStepIo *self)
{
  return (const CbiganUpdate *)(gconstpointer)self->received;
}

static inline double *
cbigan_step_io_term(const CbiganStepIo *self, CbiganTerm term) /* in backend memory */
{
  return (double *)(gpointer)self->terms + (int)term * self->batch;
}

G_END_DECLS
