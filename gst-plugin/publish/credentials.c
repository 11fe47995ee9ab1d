/* credentials.c - user, password and settings of a broker, from a file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "credentials.h"

#include <cbigan.h>
#include <string.h>

#include "i18n.h"

static void
clear_text(char **text)
{
  if (*text)
    explicit_bzero(*text, strlen(*text));
  g_free(*text);
}
typedef char *Secret;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Secret, clear_text)

gboolean
cbigan_credentials_read(const char *path, CbiganCredentialFunc func, gpointer data, GError **error)
{
  g_auto(Secret) text = NULL;
  g_autoptr(GError) reason = NULL;
  if (!path)
    return TRUE;
  if (!g_file_get_contents(path, &text, NULL, &reason)) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, reason->message);
    return FALSE;
  }
  guint number = 1;
  for (char *line = text, *next; line; line = next, number++) {
    next = strchr(line, '\n');
    if (next)
      *next++ = '\0';
    line[strcspn(line, "\r")] = '\0';
    char *equals = strchr(line, '=');
    if (!*line || *line == '#')
      continue;
    if (equals)
      *equals = '\0';
    if (!equals || !func(g_strstrip(line), equals + 1, data, &reason)) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: line %u: %s"), path, number,
                  reason ? reason->message : _("no “=”; expected NAME=VALUE"));
      return FALSE;
    }
  }
  return TRUE;
}
