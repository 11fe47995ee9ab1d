/* error.c - the error domain, memory that may be refused, and where its messages are translated
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "error.h"

#include "i18n.h"

G_DEFINE_QUARK(cbigan - error - quark, cbigan_error)

gboolean
cbigan_refuse(GError **error, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_propagate_error(error, g_error_new_valist(CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, format, arguments));
  va_end(arguments);
  return FALSE;
}

static void
tell_missing(gsize n, gsize size, GError **error)
{
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("out of memory (%.1f MiB more needed)"),
              (double)n * (double)size / 1048576.0);
}

gpointer
cbigan_try_malloc(gsize n, gsize size, GError **error)
{
  gpointer memory = g_try_malloc0_n(MAX(n, 1), size);
  if (!memory)
    tell_missing(n, size, error);
  return memory;
}

gboolean
cbigan_try_room(gsize n, gsize size, GError **error)
{
  g_autofree gpointer memory = g_try_malloc_n(MAX(n, 1), size); /* not zeroed: no page of it is touched */
  if (!memory)
    tell_missing(n, size, error);
  return memory != NULL;
}

#ifdef ENABLE_NLS
/* Runs in the library, the plugin and the programs, since all of them contain this file. */
__attribute__((constructor)) static void
bind_translations(void)
{
  cbigan_bind_translations();
}
#endif
