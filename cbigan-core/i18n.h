/* i18n.h - translatable strings
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * _() around what a person sees now, N_() around a string in a table that is translated when shown.
 */
#pragma once
#include "config.h"
#include <glib.h>

#ifdef ENABLE_NLS
#define _(string) g_dgettext(GETTEXT_PACKAGE, string)
#else
#define _(string) (string)
#endif
#define N_(string) (string)
