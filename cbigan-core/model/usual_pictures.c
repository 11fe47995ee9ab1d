/* usual_pictures.c - how good pictures measure, as the metadata key cbigan.good-pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Members that this version does not know are ignored.
 */
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "model/model_metadata.h"
#include "model/safetensors.h"

#define DIGITS "%.6g"

static const struct {
  const char *name;
  double least, most; /* that a value may have */
} rows[CBIGAN_N_MEASURES] = {
  [CBIGAN_MEASURE_BRIGHTNESS] = { "brightness", 0, 255 }, [CBIGAN_MEASURE_CONTRAST] = { "contrast", 0, 255 },
  [CBIGAN_MEASURE_SHARPNESS] = { "sharpness", 0, 1e7 },   [CBIGAN_MEASURE_NOISE] = { "noise", 0, 1e4 },
  [CBIGAN_MEASURE_UNEVENNESS] = { "unevenness", 0, 10 },  [CBIGAN_MEASURE_LIKENESS] = { "likeness", -1, 1 },
};
#define PIXELS (CBIGAN_THUMBNAIL_SIDE * CBIGAN_THUMBNAIL_SIDE)

/* Whether the member is an array of n numbers within the range -> values */
static gboolean
read_array(JsonObject *object, const char *name, guint n, double least, double most, double *values)
{
  JsonNode *node = json_object_get_member(object, name);
  JsonArray *array = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  if (!array || json_array_get_length(array) != n)
    return FALSE;
  for (guint i = 0; i < n; i++) {
    JsonNode *element = json_array_get_element(array, i);
    const GType type = JSON_NODE_HOLDS_VALUE(element) ? json_node_get_value_type(element) : G_TYPE_NONE;
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
      return FALSE;
    values[i] = json_node_get_double(element);
    if (!(values[i] >= least && values[i] <= most))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_object(JsonObject *object, CbiganUsualPictures *usual)
{
  double n, thumbnail[PIXELS], range[2];
  if (!read_array(object, "thumbnail", PIXELS, 0, 255, thumbnail) || !read_array(object, "pictures", 1, 1, 1e9, &n) ||
      n != floor(n))
    return FALSE;
  for (guint i = 0; i < PIXELS; i++)
    usual->thumbnail[i] = (float)thumbnail[i];
  for (guint i = 0; i < CBIGAN_N_MEASURES; i++) {
    if (!read_array(object, rows[i].name, 2, rows[i].least, rows[i].most, range) || range[0] > range[1])
      return FALSE;
    usual->least[i] = range[0];
    usual->most[i] = range[1];
  }
  usual->n = (guint)n;
  return TRUE;
}

gboolean
cbigan_usual_read(const char *text, CbiganModelInfo *info)
{
  const char *reason;
  if (!cbigan_json_check(text, strlen(text), 2, &reason))
    return FALSE;
  g_autoptr(JsonNode) root = json_from_string(text, NULL);
  return root && JSON_NODE_HOLDS_OBJECT(root) && read_object(json_node_get_object(root), &info->usual);
}

static void
append_array(GString *text, const char *name, const double *values, guint n)
{
  g_string_append_printf(text, "%s\"%s\":[", text->len > 1 ? "," : "", name);
  for (guint i = 0; i < n; i++) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append_printf(text, "%s%s", i ? "," : "", g_ascii_formatd(number, sizeof number, DIGITS, values[i]));
  }
  g_string_append_c(text, ']');
}

char *
cbigan_usual_write(const CbiganModelInfo *info)
{
  const CbiganUsualPictures *usual = &info->usual;
  double thumbnail[PIXELS], n = usual->n;
  if (!usual->n)
    return NULL;
  GString *text = g_string_new("{");
  append_array(text, "pictures", &n, 1);
  for (guint i = 0; i < CBIGAN_N_MEASURES; i++)
    append_array(text, rows[i].name, (const double[]){ usual->least[i], usual->most[i] }, 2);
  for (guint i = 0; i < PIXELS; i++)
    thumbnail[i] = round(10.0 * (double)usual->thumbnail[i]) / 10.0;
  append_array(text, "thumbnail", thumbnail, PIXELS);
  return g_string_free(g_string_append_c(text, '}'), FALSE);
}
