/* write_seeds.c - writes the seeds into a folder, one per file: a corpus for libFuzzer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>

#include "fuzz_model_file.h"

int
main(int argc, char **argv)
{
  if (argc != 2) {
    g_printerr("usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  g_autoptr(GPtrArray) seeds = fuzz_seeds();
  g_autoptr(GError) error = NULL;
  g_mkdir_with_parents(argv[1], 0777);
  for (guint i = 0; i < seeds->len; i++) {
    g_autofree char *path = g_strdup_printf("%s/seed%u", argv[1], i);
    gsize size;
    const char *data = g_bytes_get_data(seeds->pdata[i], &size);
    if (!g_file_set_contents(path, data, (gssize)size, &error)) {
      g_printerr("%s\n", error->message);
      return 1;
    }
  }
  return 0;
}
