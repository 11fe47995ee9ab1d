/* error.h - errors about an option's value, and about memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

/* Sets CBIGAN_ERROR_ARGUMENT; always FALSE, to be returned. The message names option, value and what was expected. */
gboolean cbigan_refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* n zeroed elements of `size` bytes, for g_free(): for memory whose size comes from a file, a frame or an option, where
 * g_new() would end the process. NULL with CBIGAN_ERROR_BACKEND, which says how much was wanted. */
gpointer cbigan_try_malloc(gsize n, gsize size, GError **error);
#define cbigan_try_new(type, n, error) ((type *)cbigan_try_malloc(n, sizeof(type), error))
/* Whether so much memory can be had now, for several allocations of helpers that have no error. FALSE as above. */
gboolean cbigan_try_room(gsize n, gsize size, GError **error);

G_END_DECLS
