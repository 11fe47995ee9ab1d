/* step_io.c - what an update takes from the host, and the losses that it gives back
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "step_io.h"

#define FLOATS(type) (sizeof(type) / sizeof(float))
G_STATIC_ASSERT(sizeof(CbiganUpdate) % sizeof(float) == 0);

gboolean
cbigan_step_io_init(CbiganStepIo *self, const CbiganGrad *grad, int batch, GError **error)
{
  const gsize n = (gsize)batch, n_terms = CBIGAN_N_TERMS * n;
  *self = (CbiganStepIo){ .grad = grad, .batch = batch };
  self->read = g_new0(double, n_terms);
  self->input = cbigan_backend_alloc(grad->backend, FLOATS(CbiganUpdate) + n * (1 + CBIGAN_LATENT), error);
  if (!self->input)
    return FALSE;
  self->e = self->input + FLOATS(CbiganUpdate);
  self->z = self->e + n;
  self->terms = cbigan_backend_alloc(grad->backend, n_terms * FLOATS(double), error);
  return self->terms != NULL;
}

void
cbigan_step_io_clear(CbiganStepIo *self)
{
  if (!self->grad)
    return;
  cbigan_backend_free(self->grad->backend, self->input);
  cbigan_backend_free(self->grad->backend, self->terms);
  g_free(self->read);
  *self = (CbiganStepIo){ 0 };
}

static void
upload(CbiganStepIo *self, gsize n_floats, gconstpointer from, float *to)
{
  cbigan_backend_upload(self->grad->backend, (CbiganShape){ (int)n_floats, 1, 1 }, 1, from, to);
}

static void
receive_uploaded(CbiganStepIo *self, const CbiganBatch *batch, CbiganShape image, float *x)
{
  const gsize n = (gsize)self->batch;
  cbigan_backend_upload(self->grad->backend, image, self->batch, batch->x, x);
  if (batch->update)
    upload(self, FLOATS(CbiganUpdate), batch->update, self->input);
  upload(self, n, batch->e, self->e);
  upload(self, n * CBIGAN_LATENT, batch->z, self->z);
}

/* Where a part of the batch lies in the staging buffer's copy. */
static gconstpointer
copy_of(const CbiganBatch *batch, const guint8 *received, gconstpointer part)
{
  return received + ((const guint8 *)part - (const guint8 *)batch->staging->host);
}

void
cbigan_step_io_receive(CbiganStepIo *self, const CbiganBatch *batch, CbiganShape image, float *x)
{
  const CbiganGrad *grad = self->grad;
  const gsize n = (gsize)self->batch;
  if (!batch->staging) {
    receive_uploaded(self, batch, image, x);
    return;
  }
  const guint8 *received = cbigan_grad_staging_receive(grad, batch->staging);
  cbigan_grad_copy(grad, FLOATS(CbiganUpdate) + n * (1 + CBIGAN_LATENT), copy_of(batch, received, batch->update),
                   self->input);
  if (batch->stored)
    cbigan_grad_cut(grad, batch->stored, self->batch, copy_of(batch, received, batch->cuts), image.w, x);
  else
    cbigan_grad_copy(grad, n * cbigan_shape_size(image), copy_of(batch, received, batch->x), x);
}

gboolean
cbigan_step_io_read(CbiganStepIo *self, GError **error)
{
  const gsize n_floats = CBIGAN_N_TERMS * (gsize)self->batch * FLOATS(double);
  cbigan_backend_download(self->grad->backend, (CbiganShape){ (int)n_floats, 1, 1 }, 1, self->terms,
                          (float *)(gpointer)self->read);
  return cbigan_backend_finish(self->grad->backend, error);
}
