/* augment.h - batches of training patches, prepared ahead by a thread of their own
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "dataset.h"
#include "gradient/gradient.h"

G_BEGIN_DECLS

/* One patch out of a picture, turned about its centre: cubic convolution, edges replicated. left, top: the upright
 * patch's corner in pixels; whole numbers and angle 0 copy pixels. x (3, patch, patch), host memory = pixel / 127.5
 * - 1. */
void cbigan_augment_patch(const CbiganPicture *picture, double left, double top, double degrees, int patch, float *x);

typedef struct {
  const CbiganPicture *const *pictures; /* not owned, any size >= patch */
  guint n_pictures;
  int batch, patch;
  int first, whole; /* this is samples first, first + 1, ... of batches of `whole` samples; whole 0: of `batch` */
  double rotation;  /* degrees: uniform in +-rotation */
  guint64 seed;
  const CbiganGrad
      *grad; /* NULL: batches stay on the host; else the backend stores pictures and cuts patches, if it can */
  /* The numbers of the update that takes batch `number`; called by another thread. NULL: none. */
  void (*update)(gconstpointer data, guint64 number, CbiganUpdate *update);
  gconstpointer data;
} CbiganBatchOptions;

/* The data of one update, host memory. In a staging buffer update, e and z lie one behind the other. */
typedef struct {
  CbiganStaging *staging; /* which has been sent; or NULL */
  CbiganUpdate *update;   /* or NULL */
  float *e;               /* (batch) ~ U(0, 1) */
  float *z;               /* (batch, 64) ~ N(0, I) */
  float *x;               /* (batch, 3, patch, patch); or NULL: */
  CbiganCut *cuts;        /* [batch] cuts of stored pictures; always in a staging buffer */
  const CbiganStored *stored;
} CbiganBatch;

typedef struct _CbiganBatches CbiganBatches;

/* Batches first, first + 1, ... : each is a function of the options and its number alone. Every picture comes once per
 * epoch, in a new order each time. With a backend, call all functions from the backend's thread. NULL:
 * no memory. */
CbiganBatches *cbigan_batches_new(const CbiganBatchOptions *options, guint64 first, GError **error);
void cbigan_batches_free(CbiganBatches *self);
/* The next batch; the caller may use it until the next call. With staging buffers, the copy of the batch after it
 * begins if that batch is ready. */
const CbiganBatch *cbigan_batches_next(CbiganBatches *self);
/* Seconds that cbigan_batches_next() has waited for a batch so far */
double cbigan_batches_waited(const CbiganBatches *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganBatches, cbigan_batches_free)

G_END_DECLS
