/* credentials.h - user, password and settings of a broker, from a file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lines NAME=VALUE: `user`, `password`, and for Kafka any setting of librdkafka. Empty lines and lines that begin with
 * “#” mean nothing. Messages name the file and the line's number, never what stands there.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Gets a line. FALSE with an error ends the reading. */
typedef gboolean (*CbiganCredentialFunc)(const char *name, const char *value, gpointer data, GError **error);

/* Calls func per line. path NULL: no line. FALSE with CBIGAN_ERROR_FILE, or with func's error. */
gboolean cbigan_credentials_read(const char *path, CbiganCredentialFunc func, gpointer data, GError **error);

G_END_DECLS
