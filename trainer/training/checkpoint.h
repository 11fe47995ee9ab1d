/* checkpoint.h - a training run on disk, to be continued bit for bit
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The file: one line "cbigan-checkpoint VERSION SHA-256-of-the-rest", then a GVariant (step, options, digest,
 * arrays of floats by name) in the machine's byte order. Anything else is refused, whole.
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
  char *options; /* "width=4 patch=64 ...": what the bits depend on */
  char *digest;  /* of the pictures */
  CbiganCheckpointArray *arrays;
  guint n_arrays;
} CbiganCheckpoint;

void cbigan_checkpoint_clear(CbiganCheckpoint *self);
/* Atomic and durable: temporary file beside it, fsync, rename, fsync of the folder; on FALSE (CBIGAN_ERROR_FILE, or
 * _ARGUMENT when a number is not finite) the old file is as it was. */
gboolean cbigan_checkpoint_write(const CbiganCheckpoint *self, const char *path, GError **error);
/* Into `self`, all zero before. FALSE with CBIGAN_ERROR_FILE or _FORMAT. */
gboolean cbigan_checkpoint_read(CbiganCheckpoint *self, const char *path, GError **error);
/* FALSE with CBIGAN_ERROR_FORMAT unless the arrays are just these, by name and size (`data` is not looked at). */
gboolean cbigan_checkpoint_expect(const CbiganCheckpoint *self, const char *path, const CbiganCheckpointArray *expected,
                                  guint n, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganCheckpoint, cbigan_checkpoint_clear)

G_END_DECLS
