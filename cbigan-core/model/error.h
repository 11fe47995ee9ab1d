/* error.h - errors about an option's value
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

/* Sets CBIGAN_ERROR_ARGUMENT; always FALSE, to be returned. The message names option, value and what was expected. */
gboolean cbigan_refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

G_END_DECLS
