/* columns.h - text in columns of a terminal, whatever the language
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* The number of columns that a text takes: two for a wide character, none for an accent of its own. */
int cbigan_text_width(const char *text);
/* Prints the text and blanks after it, `width` columns in all, or the text alone where it is wider. */
void cbigan_print_left(const char *text, int width);
/* The same with blanks before it, of which at least one. */
void cbigan_print_right(const char *text, int width);

G_END_DECLS
