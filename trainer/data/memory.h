/* memory.h - whether memory can be had, asked before libraries take it that end the process otherwise
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Bytes that are free on this machine, or in this container; G_MAXUINT64 where nobody says. */
guint64 cbigan_memory_free(void);
/* Whether so many bytes can be had now: they are within the process's limits and free. FALSE with CBIGAN_ERROR_FILE
 * that tells both sizes. */
gboolean cbigan_memory_check(guint64 bytes, GError **error);

G_END_DECLS
