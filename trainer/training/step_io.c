/* step_io.c - what an update takes from the host, and what comes back of it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "step_io.h"

#define FLOATS(type) (sizeof(type) / sizeof(float))
G_STATIC_ASSERT(sizeof(CbiganUpdate) % sizeof(float) == 0);

gboolean
cbigan_step_io_init(CbiganStepIo *self, CbiganBackend *backend, const CbiganGradients *gradients, int batch,
                    GError **error)
{
  const gsize n = (gsize)batch, n_terms = CBIGAN_N_TERMS * n;
  *self = (CbiganStepIo){ .backend = backend, .gradients = gradients, .batch = batch };
  self->read = g_new0(double, n_terms);
  self->received = cbigan_backend_alloc(backend, FLOATS(CbiganUpdate) + n * (1 + CBIGAN_LATENT), error);
  if (!self->received)
    return FALSE;
  self->e = self->received + FLOATS(CbiganUpdate);
  self->z = self->e + n;
  self->terms = cbigan_backend_alloc(backend, n_terms * FLOATS(double), error);
  return self->terms != NULL;
}

void
cbigan_step_io_clear(CbiganStepIo *self)
{
  if (!self->backend)
    return;
  cbigan_backend_free(self->backend, self->received);
  cbigan_backend_free(self->backend, self->terms);
  g_free(self->read);
  *self = (CbiganStepIo){ 0 };
}

static void
upload(CbiganStepIo *self, gsize n_floats, gconstpointer from, float *to)
{
  self->backend->klass->upload(self->backend, (CbiganShape){ (int)n_floats, 1, 1 }, 1, from, to);
}

static void
receive_ordinary(CbiganStepIo *self, const CbiganBatch *batch, CbiganShape image, float *x)
{
  const gsize n = (gsize)self->batch;
  self->backend->klass->upload(self->backend, image, self->batch, batch->x, x);
  if (batch->update)
    upload(self, FLOATS(CbiganUpdate), batch->update, self->received);
  upload(self, n, batch->e, self->e);
  upload(self, n * CBIGAN_LATENT, batch->z, self->z);
}

/* Of a part of the batch, in the staging buffer's copy */
static gconstpointer
copy_of(const CbiganBatch *batch, const guint8 *received, gconstpointer part)
{
  return received + ((const guint8 *)part - (const guint8 *)batch->staging->host);
}

void
cbigan_step_io_receive(CbiganStepIo *self, const CbiganBatch *batch, CbiganShape image, float *x)
{
  const CbiganGradients *k = self->gradients;
  const gsize n = (gsize)self->batch;
  if (!batch->staging) {
    receive_ordinary(self, batch, image, x);
    return;
  }
  const guint8 *received = k->staging_receive(self->backend, batch->staging);
  k->copy(self->backend, FLOATS(CbiganUpdate) + n * (1 + CBIGAN_LATENT), copy_of(batch, received, batch->update),
          self->received);
  if (batch->stored)
    k->cut(self->backend, batch->stored, self->batch, copy_of(batch, received, batch->cuts), image.w, x);
  else
    k->copy(self->backend, n * cbigan_shape_size(image), copy_of(batch, received, batch->x), x);
}

gboolean
cbigan_step_io_read(CbiganStepIo *self, GError **error)
{
  const gsize n_floats = CBIGAN_N_TERMS * (gsize)self->batch * FLOATS(double);
  self->backend->klass->download(self->backend, (CbiganShape){ (int)n_floats, 1, 1 }, 1, self->terms,
                                 (float *)(gpointer)self->read);
  return cbigan_backend_finish(self->backend, error);
}
