/* csv.h - writes comma-separated values (RFC 4180)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>
#include <stdio.h>

G_BEGIN_DECLS

/* Writes a text, quoted if it must be. */
void cbigan_csv_text(FILE *out, const char *text);
/* Writes a comma and the number; NAN gives an empty field. */
void cbigan_csv_number(FILE *out, double number);

G_END_DECLS
