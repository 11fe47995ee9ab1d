/* module.c - opens modules
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "module.h"

#include <gmodule.h>

#include "i18n.h"

/* The path of the first file that exists (transfer full), or NULL with *searched = the folders */
static char *
find(const char *file, char **searched)
{
  const char *path = g_getenv("CBIGAN_MODULE_PATH");
  g_autofree char *joined = path ? g_strjoin(G_SEARCHPATH_SEPARATOR_S, path, CBIGAN_MODULE_DIR, NULL) : NULL;
  g_auto(GStrv) folders = g_strsplit(joined ? joined : CBIGAN_MODULE_DIR, G_SEARCHPATH_SEPARATOR_S, -1);
  for (gsize i = 0; folders[i]; i++) {
    g_autofree char *found = g_build_filename(folders[i], file, NULL);
    if (*folders[i] && g_file_test(found, G_FILE_TEST_EXISTS))
      return g_steal_pointer(&found);
  }
  *searched = g_strjoinv(", ", folders);
  return NULL;
}

static gconstpointer
open_file(const char *path, char **why)
{
  /* Local: two modules show the same name. Not lazy: a missing symbol is an error now, not later in a stream. */
  GModule *module = g_module_open(path, G_MODULE_BIND_LOCAL);
  gpointer symbol = NULL;
  if (!module) {
    *why = g_strdup_printf(_("it can't be opened: %s"), g_module_error());
    return NULL;
  }
  if (!g_module_symbol(module, CBIGAN_MODULE_SYMBOL, &symbol) || !symbol) {
    *why = g_strdup_printf(_("%s is not a module of cbigan: it has no “%s”"), path, CBIGAN_MODULE_SYMBOL);
  } else if (!g_str_equal(((const CbiganModule *)symbol)->version, VERSION)) {
    *why =
        g_strdup_printf(_("%s is of version %s; expected %s"), path, ((const CbiganModule *)symbol)->version, VERSION);
  } else {
    g_module_make_resident(module); /* drivers leave threads and exit handlers behind */
    return ((const CbiganModule *)symbol)->table;
  }
  g_module_close(module);
  return NULL;
}

typedef struct {
  gconstpointer table;
  char *why;
} Opened;

static Opened *
open_named(const char *name)
{
  Opened *opened = g_new0(Opened, 1);
  g_autofree char *file = g_strdup_printf("lib%s.%s", name, G_MODULE_SUFFIX);
  g_autofree char *searched = NULL, *path = find(file, &searched);
  if (path)
    opened->table = open_file(path, &opened->why);
  else
    opened->why = g_strdup_printf(_("there is no %s in %s"), file, searched);
  return opened;
}

gconstpointer
cbigan_module_open(const char *name, char **why)
{
  static GMutex lock;
  static GHashTable *modules; /* name -> Opened; lives as long as the process */
  g_mutex_lock(&lock);
  if (!modules)
    modules = g_hash_table_new(g_str_hash, g_str_equal);
  const Opened *opened = g_hash_table_lookup(modules, name);
  if (!opened)
    g_hash_table_insert(modules, g_strdup(name), (gpointer)(opened = open_named(name)));
  g_mutex_unlock(&lock);
  if (!opened->table)
    *why = g_strdup(opened->why);
  return opened->table;
}
