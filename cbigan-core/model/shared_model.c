/* shared_model.c - models of files with the same bytes are one model
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A list holds the shared models in use, with the digest of their file's bytes, and which files were read for them. A
 * file that is on the list and has not changed since is not read again.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "model/model_file.h"

/* What tells that a file is the one that was read. */
typedef struct {
  dev_t device;
  ino_t inode;
  gint64 size, changed[2], modified[2]; /* s, ns */
} FileState;

typedef struct {
  CbiganModel *model; /* not owned: the entry goes with the model */
  char *digest;
  GArray *files; /* FileState */
} Entry;

static GMutex lock;
static GPtrArray *entries; /* NULL = none */

static gboolean
get_state(const char *path, FileState *state)
{
  struct stat status;
  memset(state, 0, sizeof *state); /* the gaps too, as states are compared by their bytes */
  if (stat(path, &status) || !S_ISREG(status.st_mode))
    return FALSE;
  state->device = status.st_dev;
  state->inode = status.st_ino;
  state->size = status.st_size;
  state->changed[0] = status.st_ctim.tv_sec;
  state->changed[1] = status.st_ctim.tv_nsec;
  state->modified[0] = status.st_mtim.tv_sec;
  state->modified[1] = status.st_mtim.tv_nsec;
  return TRUE;
}

static gboolean
has_file(const Entry *entry, const FileState *state)
{
  for (guint i = 0; i < entry->files->len; i++)
    if (!memcmp(&g_array_index(entry->files, FileState, i), state, sizeof *state))
      return TRUE;
  return FALSE;
}

/* The entry of that file, or of that digest (NULL = not known). The lock is held. */
static Entry *
find(const FileState *state, const char *digest)
{
  for (guint i = 0; entries && i < entries->len; i++) {
    Entry *entry = entries->pdata[i];
    if (digest ? g_str_equal(entry->digest, digest) : has_file(entry, state))
      return entry;
  }
  return NULL;
}

static void
entry_free(gpointer data)
{
  Entry *entry = data;
  g_free(entry->digest);
  g_array_unref(entry->files);
  g_free(entry);
}

static void
add(CbiganModel *model, const char *digest)
{
  Entry *entry = g_new0(Entry, 1);
  entry->model = model;
  entry->digest = g_strdup(digest);
  entry->files = g_array_new(FALSE, FALSE, sizeof(FileState));
  entries = entries ? entries : g_ptr_array_new_with_free_func(entry_free);
  g_ptr_array_add(entries, entry);
  model->is_shared = TRUE;
}

gboolean
cbigan_shared_model_unref(CbiganModel *model)
{
  g_mutex_lock(&lock);
  const gboolean is_last = g_atomic_ref_count_dec(&model->references);
  for (guint i = 0; is_last && i < entries->len; i++)
    if (((const Entry *)entries->pdata[i])->model == model)
      g_ptr_array_remove_index(entries, i--);
  if (is_last && !entries->len)
    g_clear_pointer(&entries, g_ptr_array_unref);
  g_mutex_unlock(&lock);
  return is_last;
}

/* A reference to the model of that file, or of those bytes. NULL: there is none. */
static CbiganModel *
take(const FileState *state, const char *digest)
{
  g_mutex_lock(&lock);
  Entry *entry = find(state, digest);
  if (entry && !has_file(entry, state))
    g_array_append_val(entry->files, *state);
  CbiganModel *model = entry ? cbigan_model_ref(entry->model) : NULL;
  g_mutex_unlock(&lock);
  return model;
}

CbiganModel *
cbigan_model_load_shared(const char *path, GError **error)
{
  g_return_val_if_fail(path, NULL);
  FileState before, after;
  g_autofree char *bytes = NULL, *name = g_filename_display_name(path);
  gsize size;
  if (!get_state(path, &before) || before.size == 0)
    return cbigan_model_load(path, error); /* which says what is wrong */
  CbiganModel *model = take(&before, NULL);
  if (model)
    return model;
  if (!g_file_get_contents(path, &bytes, &size, NULL))
    return cbigan_model_load(path, error);
  g_autofree char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
  const gboolean is_known = get_state(path, &after) && !memcmp(&before, &after, sizeof before);
  if (!is_known) /* the file changes: nothing is known of its state */
    memset(&before, 0, sizeof before);
  if ((model = take(&before, digest)))
    return model;
  if (!(model = cbigan_model_load_bytes((const guint8 *)bytes, size, name, error)))
    return NULL;
  g_mutex_lock(&lock);
  Entry *other = find(&before, digest); /* another thread may have been faster */
  if (!other) {
    add(model, digest);
    other = find(&before, digest);
    g_array_append_val(other->files, before);
    g_mutex_unlock(&lock);
    return model;
  }
  CbiganModel *first = cbigan_model_ref(other->model);
  g_mutex_unlock(&lock);
  cbigan_model_unref(model);
  return first;
}
