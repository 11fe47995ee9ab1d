/* checkpoint.h - a training run on disk, to be continued bit for bit
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The file is one line "cbigan-checkpoint VERSION SHA-256-of-the-rest", then a GVariant (step, options, digest, named
 * arrays of floats) in the machine's byte order. Anything else is refused as a whole.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *name;  /* "encoder.parameters" */
  gsize size;  /* floats */
  float *data; /* (size), host */
} CbiganCheckpointArray;

typedef struct {
  guint step;
  char *options; /* cbigan_train_options_describe() */
  char *digest;  /* CbiganDataset.digest of the pictures */
  CbiganCheckpointArray *arrays;
  guint n_arrays;
} CbiganCheckpoint;

/* Frees all that it holds. */
void cbigan_checkpoint_clear(CbiganCheckpoint *self);
/* Writes atomically and durably: temporary file beside it, fsync, rename, fsync of the folder. FALSE with
 * CBIGAN_ERROR_FILE, or CBIGAN_ERROR_ARGUMENT when a number is not finite; an older file is then unchanged. */
gboolean cbigan_checkpoint_write(const CbiganCheckpoint *self, const char *path, GError **error);
/* Fills `self`, which must be all zero; free it with cbigan_checkpoint_clear(). FALSE with CBIGAN_ERROR_FILE or
 * CBIGAN_ERROR_FORMAT. */
gboolean cbigan_checkpoint_read(CbiganCheckpoint *self, const char *path, GError **error);
/* FALSE with CBIGAN_ERROR_ARGUMENT unless it is of a run with these options (cbigan_train_options_describe() or alike)
 * and pictures. digest: of the pictures, or NULL */
gboolean cbigan_checkpoint_same_run(const CbiganCheckpoint *self, const char *path, const char *options,
                                    const char *digest, GError **error);
/* FALSE with CBIGAN_ERROR_FORMAT unless the arrays are exactly these, by name and size; `data` is ignored. */
gboolean cbigan_checkpoint_expect(const CbiganCheckpoint *self, const char *path, const CbiganCheckpointArray *expected,
                                  guint n, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganCheckpoint, cbigan_checkpoint_clear)

G_END_DECLS
