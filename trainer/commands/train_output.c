/* train_output.c - which models cbigan train writes, and whether it may
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "train_output.h"

#include "cbigan.h"
#include "i18n.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
free_output(gpointer data)
{
  CbiganTrainOutput *self = data;

  g_free(self->model);
  g_free(self->checkpoint);
  g_free(self);
}

/* "bottle.safetensors" becomes "bottle-1.safetensors" (transfer full). */
static char *
name_with_seed(const char *name, guint64 seed)
{
  const char *dot = strrchr(name, '.'), *slash = strrchr(name, G_DIR_SEPARATOR);
  const char *base = slash ? slash + 1 : name;
  const char *end = dot && dot > base ? dot : name + strlen(name);

  return g_strdup_printf("%.*s-%" G_GUINT64_FORMAT "%s", (int)(end - name), name, seed, end);
}

GPtrArray *
cbigan_train_outputs_new(const char *name, guint64 seed, guint n_seeds, gboolean resume, gboolean quick)
{
  GPtrArray *outputs = g_ptr_array_new_with_free_func(free_output);
  gboolean any = FALSE;

  for (guint i = 0; i < MAX(n_seeds, 1); i++) {
    CbiganTrainOutput *self = g_new0(CbiganTrainOutput, 1);

    g_ptr_array_add(outputs, self);
    self->seed = seed + i;
    self->model = n_seeds ? name_with_seed(name, self->seed) : g_strdup(name);
    self->checkpoint = g_strconcat(self->model, ".checkpoint", NULL);
    if (!n_seeds || !resume) {
      self->resume = resume;
      continue;
    }
    const gboolean started = g_file_test(self->checkpoint, G_FILE_TEST_EXISTS);
    self->finished = !started && g_file_test(self->model, G_FILE_TEST_EXISTS);
    self->resume = started && !quick;
    any |= started || self->finished;
  }
  if (n_seeds && resume && !any)
    ((CbiganTrainOutput *)g_ptr_array_index(outputs, 0))->resume = TRUE; /* which the check refuses */
  return outputs;
}

static gboolean
check(const char *output, const char *checkpoint, gboolean resume, gboolean force, GError **error)
{
  g_autofree char *folder = g_path_get_dirname(output);
  gboolean started = g_file_test(checkpoint, G_FILE_TEST_EXISTS);
  gboolean finished = g_file_test(output, G_FILE_TEST_EXISTS);

  if (g_access(folder, W_OK) != 0 || g_file_test(output, G_FILE_TEST_IS_DIR))
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: can't be written: %s"), output,
                g_strerror(g_access(folder, W_OK) != 0 ? errno : EISDIR));
  else if (resume && !started)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: no such file: nothing to resume"), checkpoint);
  else if (started && !resume && !force)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
                _("%s: holds an unfinished training: continue it with --resume, or start again with --force"),
                checkpoint);
  else if (finished && !resume && !force)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
                _("%s: exists already: choose another --output, or replace it with --force"), output);
  else
    return TRUE;
  return FALSE;
}

gboolean
cbigan_train_outputs_check(const GPtrArray *outputs, gboolean force, GError **error)
{
  for (guint i = 0; i < outputs->len; i++) {
    const CbiganTrainOutput *one = g_ptr_array_index(outputs, i);

    if (!one->finished && !check(one->model, one->checkpoint, one->resume, force, error))
      return FALSE;
  }
  return TRUE;
}
