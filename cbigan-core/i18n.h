/* i18n.h - translatable strings
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * _("...") where a person sees the string now, N_("...") in tables that are translated when shown.
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
