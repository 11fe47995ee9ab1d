/* safetensors.h - the container of a model file: named float tensors and named strings
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * This file knows nothing about models; model_file.c says which tensors and strings a model needs.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

#define CBIGAN_MAX_DIMS 4
#define CBIGAN_MAX_HEADER (1 << 20) /* bytes */

typedef struct {
  const char *name;
  int n_dims;
  gint64 dims[CBIGAN_MAX_DIMS];
  const guint8 *data; /* to be written: little-endian floats, 4 * product of dims bytes, not aligned */
  guint64 begin;      /* when read: bytes from the start of the file to these floats */
} CbiganTensor;

typedef struct {
  GHashTable *tensors;  /* name -> CbiganTensor, owned */
  GHashTable *metadata; /* key -> string, owned */
} CbiganSafetensors;

#define CBIGAN_SAFETENSORS_PREFIX 8 /* bytes before the header, which tell its length */

/* Length of the header in bytes, from the prefix of a file of `size` bytes. 0 with CBIGAN_ERROR_FORMAT. file: name for
 * messages. */
gsize cbigan_safetensors_length(const guint8 *prefix, guint64 size, const char *file, GError **error);
/* Checks types, offsets and sizes. The header is all that is read of the file, which has `size` bytes. NULL with
 * CBIGAN_ERROR_FORMAT. */
CbiganSafetensors *cbigan_safetensors_parse(const char *header, gsize length, guint64 size, const char *file,
                                            GError **error);
void cbigan_safetensors_free(CbiganSafetensors *self);

/* A whole file: keys[i] = values[i] as metadata, then n tensors in the given order. For g_free(). NULL with
 * CBIGAN_ERROR_FORMAT if the header is too long or memory is missing. */
guint8 *cbigan_safetensors_build(const char *const *keys, char *const *values, guint n_keys,
                                 const CbiganTensor *tensors, guint n_tensors, const char *file, gsize *size,
                                 GError **error);

/* A JSON text of at most `depth` levels of objects and arrays, without anything that JSON doesn't know (comments,
 * variables, raw control characters). json-glib accepts those and recurses without limit, so check here first. */
gboolean cbigan_json_check(const char *text, gsize length, int depth, const char **reason);

/* Product of the dimensions; G_MAXUINT64 on overflow. */
guint64 cbigan_tensor_elements(const gint64 *dims, int n_dims);
/* "[3, 64, 1, 1]" (transfer full) */
char *cbigan_tensor_shape(const gint64 *dims, int n_dims);

/* Sets CBIGAN_ERROR_FORMAT with "file: message"; returns FALSE. */
gboolean cbigan_format_error(GError **error, const char *file, const char *format, ...) G_GNUC_PRINTF(3, 4);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganSafetensors, cbigan_safetensors_free)

G_END_DECLS
