/* train_output.c - whether cbigan train may write where it is told to
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "train_output.h"

#include "cbigan.h"
#include "i18n.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

gboolean
cbigan_train_check_output(const char *output, const char *checkpoint, gboolean resume, gboolean force, GError **error)
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
