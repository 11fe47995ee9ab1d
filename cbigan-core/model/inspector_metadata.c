/* inspector_metadata.c - the metadata keys that an inspector alone has
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "model/inspector_metadata.h"

#include <math.h>
#include <string.h>

#include "model/metadata_values.h"
#include "model/model.h"

static const char *const summary_names[] = {
  [CBIGAN_SUMMARY_PEAK] = "peak", [CBIGAN_SUMMARY_TOP] = "top", [CBIGAN_SUMMARY_FEW] = "few"
};

gboolean
cbigan_metadata_read_summary(const char *text, CbiganModelInfo *info)
{
  for (guint i = 0; i < G_N_ELEMENTS(summary_names); i++)
    if (!strcmp(text, summary_names[i])) {
      info->summary = (CbiganSummary)i;
      return TRUE;
    }
  return FALSE;
}

char *
cbigan_metadata_write_summary(const CbiganModelInfo *info)
{
  return g_strdup(summary_names[info->summary]);
}

#define SHARED "shared"

gboolean
cbigan_metadata_read_overlap(const char *text, CbiganModelInfo *info)
{
  return info->shared_overlap = g_str_equal(text, SHARED);
}

char *
cbigan_metadata_write_overlap(const CbiganModelInfo *info)
{
  return info->shared_overlap ? g_strdup(SHARED) : NULL;
}

gboolean
cbigan_metadata_read_upright(const char *text, CbiganModelInfo *info)
{
  g_auto(GStrv) sides = g_strsplit(text, "x", 3);
  return info->frame_width && g_strv_length(sides) == 2 &&
         cbigan_metadata_read_integer(sides[0], CBIGAN_INSPECTOR_STEP, CBIGAN_MAX_FRAME, &info->upright_width) &&
         cbigan_metadata_read_integer(sides[1], CBIGAN_INSPECTOR_STEP, CBIGAN_MAX_FRAME, &info->upright_height) &&
         info->upright_width % CBIGAN_INSPECTOR_STEP == 0 && info->upright_height % CBIGAN_INSPECTOR_STEP == 0;
}

char *
cbigan_metadata_write_upright(const CbiganModelInfo *info)
{
  return info->upright_width ? g_strdup_printf("%dx%d", info->upright_width, info->upright_height) : NULL;
}

gboolean
cbigan_metadata_read_upright_box(const char *text, CbiganModelInfo *info)
{
  g_auto(GStrv) parts = g_strsplit(text, ",", 0);
  gboolean good = g_strv_length(parts) == 4;
  for (int i = 0; good && i < 4; i++)
    good = cbigan_metadata_read_number(parts[i], -CBIGAN_MAX_FRAME, CBIGAN_MAX_FRAME, &info->upright_box[i]);
  return good && info->upright_width && info->upright_box[0] < info->upright_box[1] &&
         info->upright_box[2] < info->upright_box[3];
}

char *
cbigan_metadata_write_upright_box(const CbiganModelInfo *info)
{
  if (!info->upright_width)
    return NULL;
  GString *text = g_string_new(NULL);
  for (int i = 0; i < 4; i++) {
    g_autofree char *number = cbigan_metadata_write_number(info->upright_box[i]);
    g_string_append_printf(text, "%s%s", i ? "," : "", number);
  }
  return g_string_free(text, FALSE);
}

gboolean
cbigan_metadata_read_proxy(const char *text, CbiganModelInfo *info)
{
  return cbigan_metadata_read_number(text, 0, 1, &info->proxy);
}

char *
cbigan_metadata_write_proxy(const CbiganModelInfo *info)
{
  return isnan(info->proxy) ? NULL : cbigan_metadata_write_number(info->proxy);
}

gboolean
cbigan_metadata_read_maps(const char *text, CbiganModelInfo *info)
{
  CbiganInspectorMap maps[CBIGAN_N_MAP_KINDS] = { 0 };
  if (!cbigan_inspector_read_maps(maps, text))
    return FALSE;
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    if ((maps[i].levelled || (maps[i].used && cbigan_map_descriptions[i].samples)) && !info->frame_width)
      return FALSE;
  info->maps = g_strdup(text);
  return TRUE;
}

char *
cbigan_metadata_write_maps(const CbiganModelInfo *info)
{
  return g_strdup(info->maps);
}

gboolean
cbigan_metadata_read_proxies(const char *text, CbiganModelInfo *info)
{
  g_autoptr(JsonNode) root = cbigan_metadata_read_json(text, 1, JSON_NODE_OBJECT);
  JsonObjectIter iter;
  JsonNode *node;
  if (!root)
    return FALSE;
  json_object_iter_init(&iter, json_node_get_object(root));
  while (json_object_iter_next(&iter, NULL, &node)) {
    GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_NONE;
    if ((type != G_TYPE_INT64 && type != G_TYPE_DOUBLE) ||
        !(json_node_get_double(node) >= 0.0 && json_node_get_double(node) <= 1.0))
      return FALSE;
  }
  info->proxies = g_strdup(text);
  return TRUE;
}

char *
cbigan_metadata_write_proxies(const CbiganModelInfo *info)
{
  return g_strdup(info->proxies);
}
