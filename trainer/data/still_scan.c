/* still_scan.c - numbers in a file in memory, and refusals, for the files that scan still pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "still_scan.h"
#include "cbigan.h"
#include "i18n.h"

gboolean
cbigan_still_holds(const CbiganStillBytes *b, guint64 at, guint64 length)
{
  return at <= b->size && length <= b->size - at;
}

gboolean
cbigan_still_number(const CbiganStillBytes *b, guint64 at, int bytes, guint64 *number)
{
  if (!cbigan_still_holds(b, at, (guint64)bytes))
    return FALSE;
  *number = 0;
  for (int i = 0; i < bytes; i++)
    *number = *number << 8 | b->data[at + (guint64)(b->big_endian ? i : bytes - 1 - i)];
  return TRUE;
}

gboolean
cbigan_still_cut(GError **error, guint64 found, guint64 expected)
{
  return cbigan_still_refuse(error, _("the file is cut off: %zu bytes; expected at least %zu"), (gsize)found,
                             (gsize)expected);
}

gboolean
cbigan_still_refuse(GError **error, const char *format, ...)
{
  va_list arguments;
  g_autofree char *message = NULL;

  va_start(arguments, format);
  message = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, message);
  return FALSE;
}
