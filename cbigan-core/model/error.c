/* error.c - the error domain
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cbigan.h"

G_DEFINE_QUARK(cbigan-error-quark, cbigan_error)
