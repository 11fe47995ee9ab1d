/* csv.h - comma-separated values as RFC 4180 has them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>
#include <stdio.h>

G_BEGIN_DECLS

/* Quoted where it must be. */
void cbigan_csv_text(FILE *out, const char *text);
/* A comma and the number; NAN is an empty field. */
void cbigan_csv_number(FILE *out, double number);

G_END_DECLS
