/* make_model.c - writes a small model of cbigantestsrc's cloth, for tests that run other programs
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * make-model FILE
 */
#include <glib/gstdio.h>

#include "test_model.h"

int
main(int argc, char **argv)
{
  g_autofree char *path = test_model_write(128, 1), *data = NULL;
  g_autoptr(GError) error = NULL;
  gsize size;
  gboolean written = argc == 2 && g_file_get_contents(path, &data, &size, &error) &&
                     g_file_set_contents(argv[1], data, (gssize)size, &error);
  if (!written)
    g_printerr("%s\n", error ? error->message : "usage: make-model FILE");
  test_model_cleanup();
  return !written;
}
