/* counts.h - how often something has been asked of the emulated GPU
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <gmodule.h>

/* what: see stream.cc. The module that contains the emulator must be open already. */
static inline long
emulator_count(const char *what)
{
  static long (*count)(const char *what);
  if (!count) {
    g_autofree char *path = g_build_filename(g_getenv("CBIGAN_MODULE_PATH"), "libcbigan-cuda." G_MODULE_SUFFIX, NULL);
    GModule *module = g_module_open(path, G_MODULE_BIND_LOCAL); /* the module that is open already */
    g_assert_nonnull(module);
    g_assert_true(g_module_symbol(module, "emulator_count", (gpointer *)&count));
  }
  return count(what);
}
