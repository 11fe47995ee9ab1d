/* checkpoint.c - a training run on disk, to be continued bit for bit
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * training.c lists the arrays. A change of the file's layout gets a new FORMAT_VERSION.
 */
#include "checkpoint.h"

#include <math.h>
#include <string.h>

#include "cbigan.h"
#include "i18n.h"
#include "train_options.h"

#define FORMAT_VERSION 1
#define MAGIC "cbigan-checkpoint "
#define LAYOUT "(ussa(sau))" /* step, options, digest, (name, floats as their 32 bits) */
#define DIGEST_LENGTH 64     /* hexadecimal */

void
cbigan_checkpoint_clear(CbiganCheckpoint *self)
{
  for (guint i = 0; i < self->n_arrays; i++) {
    g_free(self->arrays[i].name);
    g_free(self->arrays[i].data);
  }
  g_free(self->arrays);
  g_free(self->options);
  g_free(self->digest);
  *self = (CbiganCheckpoint){ 0 };
}

static gboolean
all_finite(const float *data, gsize n, gsize *where)
{
  for (*where = 0; *where < n; ++*where)
    if (!isfinite(data[*where]))
      return FALSE;
  return TRUE;
}

gboolean
cbigan_checkpoint_write(const CbiganCheckpoint *self, const char *path, GError **error)
{
  GVariantBuilder arrays;
  g_variant_builder_init(&arrays, G_VARIANT_TYPE("a(sau)"));
  for (guint i = 0; i < self->n_arrays; i++) {
    const CbiganCheckpointArray *a = &self->arrays[i];
    gsize where;
    if (!all_finite(a->data, a->size, &where)) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, _("%s: not written, because %s[%zu] is %g at step %u"),
                  path, a->name, where, (double)a->data[where], self->step);
      g_variant_builder_clear(&arrays);
      return FALSE;
    }
    g_variant_builder_add(&arrays, "(s@au)", a->name,
                          g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, a->data, a->size, sizeof(guint32)));
  }
  g_autoptr(GVariant) content =
      g_variant_ref_sink(g_variant_new("(ussa(sau))", self->step, self->options, self->digest, &arrays));
  gsize size = g_variant_get_size(content);
  g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, g_variant_get_data(content), size);
  g_autoptr(GString) file = g_string_sized_new(size + 128);
  g_string_printf(file, MAGIC "%d %s\n", FORMAT_VERSION, sum);
  g_string_append_len(file, g_variant_get_data(content), (gssize)size);

  g_autoptr(GError) reason = NULL;
  if (g_file_set_contents_full(path, file->str, (gssize)file->len,
                               G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666, &reason))
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: the checkpoint can't be written: %s"), path,
              reason->message);
  return FALSE;
}

static gboolean damaged(GError **error, const char *path, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean
damaged(GError **error, const char *path, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FORMAT, "%s: %s", path, what);
  return FALSE;
}

/* Checks the first line; NULL or the content behind it. */
static GVariant *
open_content(const char *path, const char *file, gsize size, GError **error)
{
  const char *end = memchr(file, '\n', MIN(size, (gsize)256));
  if (!end || !g_str_has_prefix(file, MAGIC)) { /* the buffer ends in a zero byte */
    damaged(error, path, _("not a checkpoint: its first line is not “%sVERSION DIGEST”"), MAGIC);
    return NULL;
  }
  char *rest;
  guint64 version = g_ascii_strtoull(file + strlen(MAGIC), &rest, 10);
  if (version != FORMAT_VERSION) {
    damaged(error, path, _("checkpoint of version %llu, this program reads %d"), (unsigned long long)version,
            FORMAT_VERSION);
    return NULL;
  }
  gsize length = size - (gsize)(end + 1 - file);
  g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)end + 1, length);
  if (end - rest != DIGEST_LENGTH + 1 || strncmp(rest + 1, sum, DIGEST_LENGTH)) {
    damaged(error, path, _("damaged checkpoint: %zu bytes with SHA-256 %s, its first line says %.*s"), length, sum,
            (int)CLAMP(end - rest - 1, 0, DIGEST_LENGTH), rest + 1);
    return NULL;
  }
  g_autoptr(GBytes) bytes = g_bytes_new(end + 1, length);
  g_autoptr(GVariant) content = g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(LAYOUT), bytes, FALSE));
  if (!g_variant_is_normal_form(content)) {
    damaged(error, path, _("damaged checkpoint: its content is not of the form %s"), LAYOUT);
    return NULL;
  }
  return g_steal_pointer(&content);
}

static gboolean
read_array(CbiganCheckpointArray *array, GVariant *from, const char *path, GError **error)
{
  const char *name;
  g_autoptr(GVariant) floats = NULL;
  g_variant_get(from, "(&s@au)", &name, &floats);
  gsize size, where;
  const float *data = g_variant_get_fixed_array(floats, &size, sizeof(guint32));
  if (!all_finite(data, size, &where))
    return damaged(error, path, _("%s[%zu] is %g"), name, where, (double)data[where]);
  *array = (CbiganCheckpointArray){ g_strdup(name), size, g_memdup2(data, size * sizeof *data) };
  return TRUE;
}

gboolean
cbigan_checkpoint_read(CbiganCheckpoint *self, const char *path, GError **error)
{
  g_autofree char *file = NULL;
  gsize size;
  g_autoptr(GError) reason = NULL;
  if (!g_file_get_contents(path, &file, &size, &reason)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: the checkpoint can't be read: %s"), path,
                reason->message);
    return FALSE;
  }
  g_autoptr(GVariant) content = open_content(path, file, size, error);
  if (!content)
    return FALSE;
  g_autoptr(GVariant) arrays = NULL;
  g_auto(CbiganCheckpoint) read = { 0 };
  g_variant_get(content, "(uss@a(sau))", &read.step, &read.options, &read.digest, &arrays);
  gsize n = g_variant_n_children(arrays);
  read.arrays = g_new0(CbiganCheckpointArray, n);
  for (read.n_arrays = 0; read.n_arrays < n; read.n_arrays++) {
    g_autoptr(GVariant) child = g_variant_get_child_value(arrays, read.n_arrays);
    if (!read_array(&read.arrays[read.n_arrays], child, path, error))
      return FALSE;
  }
  *self = read;
  read = (CbiganCheckpoint){ 0 };
  return TRUE;
}

gboolean
cbigan_checkpoint_same_run(const CbiganCheckpoint *self, const char *path, const char *options, const char *digest,
                           GError **error)
{
  g_autofree char *mine = NULL, *its = NULL;
  if (!cbigan_train_options_same(options, self->options, &mine, &its)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, _("%s: made with %s, this run has %s"), path, its, mine);
    return FALSE;
  }
  if (g_strcmp0(digest, self->digest) == 0)
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
              _("%s: made with other pictures (SHA-256 %.12s…, this run's %.12s…)"), path, self->digest, digest);
  return FALSE;
}

gboolean
cbigan_checkpoint_expect(const CbiganCheckpoint *self, const char *path, const CbiganCheckpointArray *expected, guint n,
                         GError **error)
{
  if (self->n_arrays != n)
    return damaged(
        error, path,
        n_("%u array in the checkpoint; expected %u", "%u arrays in the checkpoint; expected %u", self->n_arrays),
        self->n_arrays, n);
  for (guint i = 0; i < n; i++) {
    const CbiganCheckpointArray *a = &self->arrays[i];
    if (strcmp(a->name, expected[i].name))
      return damaged(error, path, _("“%s” in the checkpoint; expected “%s”"), a->name, expected[i].name);
    if (a->size != expected[i].size)
      return damaged(error, path, _("%s has %zu numbers; expected %zu"), a->name, a->size, expected[i].size);
  }
  return TRUE;
}
