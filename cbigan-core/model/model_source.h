/* model_source.h - where the bytes of a model file come from: memory, or an open file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/safetensors.h"

G_BEGIN_DECLS

typedef struct {
  const guint8 *bytes; /* the whole file, or NULL */
  int file;            /* else */
  guint64 size;
} CbiganModelSource;

/* Bytes [at, at + n). FALSE with CBIGAN_ERROR_FILE. name: for messages */
gboolean cbigan_source_read(const CbiganModelSource *source, guint64 at, gpointer to, gsize n, const char *name,
                            GError **error);
/* The header alone. NULL with CBIGAN_ERROR_FILE or CBIGAN_ERROR_FORMAT. */
CbiganSafetensors *cbigan_source_read_header(const CbiganModelSource *source, const char *name, GError **error);

G_END_DECLS
