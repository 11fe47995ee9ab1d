/* module.h - parts that are opened at run time, so that cbigan runs where a part can't
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A module is a library that shows one CbiganModule under the name CBIGAN_MODULE_SYMBOL. It does not link libcbigan,
 * and has its own copy of the core files that it needs. Modules lie in the folders of the environment variable
 * CBIGAN_MODULE_PATH (searched first) or in the installed folder CBIGAN_MODULE_DIR.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *version; /* of the build: tables are structs, so both sides must be of one version */
  gconstpointer table; /* CbiganBackendClass, CbiganGradients */
} CbiganModule;

#define CBIGAN_MODULE_SYMBOL "cbigan_module"

/* The table of "cbigan-NAME"; opened once and never closed. NULL: *why has the reason in words (transfer full). Any
 * thread. */
gconstpointer cbigan_module_open(const char *name, char **why);

G_END_DECLS
