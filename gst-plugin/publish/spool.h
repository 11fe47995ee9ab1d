/* spool.h - messages that wait on disk for a broker: a module that may be missing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of the module “cbigan-spool” (backend/module.h), which is a SQLite file. One thread at a time uses a spool,
 * one process at a time a file.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* A message on its way. It is a chain of owners: the queue, the spool, the broker. */
typedef struct {
  guint64 order; /* grows; 0 = none yet */
  gint64 time;   /* of its making, us since 1970 */
  char *topic;
  char *reference; /* CbiganBrokerMessage; NULL = none */
  GBytes *data;
} CbiganLetter;

typedef struct _CbiganSpool CbiganSpool;

typedef struct {
  guint64 messages, bytes;     /* that are in the file */
  guint64 over_size, over_age; /* that were dropped since it was opened */
} CbiganSpoolCounts;

typedef struct {
  /* most_bytes: of messages that may wait, the oldest are dropped; most_age: seconds, 0 = no limit. *last: order of the
   * newest message that is in the file, 0 = none. A damaged file is renamed, and *damaged says to what (transfer full).
   * NULL with CBIGAN_ERROR_FILE. */
  CbiganSpool *(*open)(const char *path, guint64 most_bytes, guint64 most_age, guint64 *last, char **damaged,
                       GError **error);
  /* Stores all or none. Drops the oldest behind `sent`, the order of the newest that was handed to the broker, as far
   * as size and age demand. FALSE with CBIGAN_ERROR_FILE: a full disk, say. */
  gboolean (*append)(CbiganSpool *self, CbiganLetter *const *letters, guint n, guint64 sent, GError **error);
  /* The first message behind that order (transfer full); NULL = none, or with CBIGAN_ERROR_FILE. */
  CbiganLetter *(*next)(CbiganSpool *self, guint64 order, GError **error);
  /* Removes messages of these orders. FALSE with CBIGAN_ERROR_FILE. */
  gboolean (*remove)(CbiganSpool *self, const guint64 *orders, guint n, GError **error);
  void (*counts)(const CbiganSpool *self, CbiganSpoolCounts *counts);
  void (*close)(CbiganSpool *self);
} CbiganSpoolClass;

static inline void
cbigan_letter_free(CbiganLetter *self)
{
  if (!self)
    return;
  g_free(self->topic);
  g_free(self->reference);
  g_clear_pointer(&self->data, g_bytes_unref);
  g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganLetter, cbigan_letter_free)

G_END_DECLS
