/* i18n.h - translatable strings
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * _() translates a string now. N_() marks a string in a table, which is translated when it is shown. n_() translates
 * one of two forms, by the number that the string shows.
 */
#pragma once
#include "config.h"
#include <glib.h>

#ifdef ENABLE_NLS
#include <libintl.h>

/* Translations come from the folder that the environment names, as for the tools of gettext, or from the installed one.
 */
static inline void
cbigan_bind_translations(void)
{
  const char *folder = g_getenv("TEXTDOMAINDIR");
  bindtextdomain(GETTEXT_PACKAGE, folder && *folder ? folder : LOCALEDIR);
  bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
}

#define _(string) g_dgettext(GETTEXT_PACKAGE, string)
#else
#define _(string) (string)
#endif
#define N_(string) (string)
#define n_(one, many, number) g_dngettext(GETTEXT_PACKAGE, one, many, number)
