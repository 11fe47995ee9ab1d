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
  int width = 0;
  for (; *text; text = g_utf8_next_char(text)) {
    const gunichar c = g_utf8_get_char(text);
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
