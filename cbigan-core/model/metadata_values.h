/* metadata_values.h - the texts of metadata values: whole numbers, numbers, JSON
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define CBIGAN_MAX_FRAME 16384        /* pixels a side */
#define CBIGAN_METADATA_JSON_DEPTH 16 /* of cbigan.training */

/* Decimal digits only: no sign, blank or other base. FALSE: the text is no such number from min to max. */
gboolean cbigan_metadata_read_integer(const char *text, guint64 min, guint64 max, int *value);
/* A finite number; no "nan", "inf" or hexadecimal, which strtod() would take. */
gboolean cbigan_metadata_read_number(const char *text, double min, double max, double *value);
/* The shortest text that reads as the same number (transfer full). */
char *cbigan_metadata_write_number(double value);
char *cbigan_metadata_write_integer(int value); /* (transfer full) */
/* The JSON of a value, of at most so many levels (transfer full). NULL: the text is no JSON of that type. */
JsonNode *cbigan_metadata_read_json(const char *text, int depth, JsonNodeType type);

G_END_DECLS
