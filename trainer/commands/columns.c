/* columns.c - text in columns of a terminal, whatever the language
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "columns.h"

#include <stdio.h>

int
cbigan_text_width(const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1); /* a folder's name may be anything */
  int width = 0;
  for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
    const gunichar c = g_utf8_get_char(at);
    width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
  }
  return width;
}

void
cbigan_print_left(const char *text, int width)
{
  printf("%s%*s", text, MAX(width - cbigan_text_width(text), 0), "");
}

void
cbigan_print_right(const char *text, int width)
{
  printf("%*s%s", MAX(width - cbigan_text_width(text), 1), "", text);
}
