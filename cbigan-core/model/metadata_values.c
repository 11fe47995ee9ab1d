/* metadata_values.c - the texts of metadata values: whole numbers, numbers, JSON
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "model/metadata_values.h"

#include <math.h>
#include <string.h>

#include "model/safetensors.h"

gboolean
cbigan_metadata_read_integer(const char *text, guint64 min, guint64 max, int *value)
{
  guint64 number;
  if (!g_ascii_isdigit(text[0]) || !g_ascii_string_to_unsigned(text, 10, min, max, &number, NULL))
    return FALSE;
  *value = (int)number;
  return TRUE;
}

gboolean
cbigan_metadata_read_number(const char *text, double min, double max, double *value)
{
  if (!text[0] || strspn(text, "0123456789+-.eE") != strlen(text))
    return FALSE;
  char *end;
  *value = g_ascii_strtod(text, &end);
  return end != text && !*end && isfinite(*value) && *value >= min && *value <= max;
}

char *
cbigan_metadata_write_number(double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  static const char *const formats[] = { "%.6g", "%.15g", "%.16g", "%.17g" };
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
    if (g_ascii_strtod(g_ascii_formatd(text, sizeof text, formats[i], value), NULL) == value)
      break;
  return g_strdup(text);
}

char *
cbigan_metadata_write_integer(int value)
{
  return g_strdup_printf("%d", value);
}

JsonNode *
cbigan_metadata_read_json(const char *text, int depth, JsonNodeType type)
{
  const char *reason;
  if (!cbigan_json_check(text, strlen(text), depth, &reason))
    return NULL;
  g_autoptr(JsonNode) root = json_from_string(text, NULL);
  return root && json_node_get_node_type(root) == type ? g_steal_pointer(&root) : NULL;
}
