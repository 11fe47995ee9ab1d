/* inspector.c - an inspector's network, maps and memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "model/metadata_values.h"
#include "model/model.h"

#define LEVELLED "-n" /* behind the name of a map that is compared with good pictures' values */

const CbiganMapDescription cbigan_map_descriptions[CBIGAN_N_MAP_KINDS] = {
  [CBIGAN_MAP_LOGIT] = { .name = "logit", .prefix = "good", .channels = 1, .network = TRUE },
  [CBIGAN_MAP_HIDDEN] = { .name = "hidden", .prefix = "hidden", .channels = CBIGAN_INSPECTOR_HIDDEN, .network = TRUE },
  [CBIGAN_MAP_BANK] = { .name = "bank", .prefix = "bank", .channels = CBIGAN_BANK_CHANNELS },
  [CBIGAN_MAP_NEAREST] = { .name = "nearest",
                           .prefix = "nearest",
                           .channels = CBIGAN_BANK_CHANNELS,
                           .samples = CBIGAN_NEAREST_SAMPLES },
};

int
cbigan_inspector_planes(const CbiganInspector *self)
{
  return self->w ? CBIGAN_OBJECT_PLANES : CBIGAN_SURFACE_PLANES;
}

CbiganNetwork *
cbigan_inspector_network(const CbiganInspector *self, int w, int h)
{
  return cbigan_network_new_inspector(self->width, (CbiganShape){ cbigan_inspector_planes(self), h, w });
}

gsize
cbigan_inspector_positions(const CbiganInspector *self)
{
  const gsize cell = CBIGAN_INSPECTOR_CELL;
  return self->w ? (gsize)self->w / cell * ((gsize)self->h / cell) : 1;
}

gsize
cbigan_inspector_map_positions(const CbiganInspector *self, CbiganMapKind kind)
{
  return cbigan_map_descriptions[kind].samples ? 1 : cbigan_inspector_positions(self);
}

gboolean
cbigan_inspector_uses_network(const CbiganInspector *self)
{
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    if (self->maps[i].used && cbigan_map_descriptions[i].network)
      return TRUE;
  return FALSE;
}

char *
cbigan_inspector_write_maps(const CbiganInspector *self)
{
  GString *text = g_string_new(NULL);
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    const CbiganInspectorMap *map = &self->maps[i];
    if (!map->used)
      continue;
    g_autofree char *offset = cbigan_metadata_write_number(map->offset);
    g_autofree char *scale = cbigan_metadata_write_number(map->scale);
    g_string_append_printf(text, "%s%s%s:%s:%s", text->len ? "," : "", cbigan_map_descriptions[i].name,
                           map->levelled ? LEVELLED : "", offset, scale);
  }
  return g_string_free(text, FALSE);
}

/* name: with or without LEVELLED. Returns CBIGAN_N_MAP_KINDS for an unknown one. */
static CbiganMapKind
find_map(const char *name, gboolean *levelled)
{
  g_autofree char *base = g_strdup(name);
  *levelled = g_str_has_suffix(base, LEVELLED);
  if (*levelled)
    base[strlen(base) - strlen(LEVELLED)] = '\0';
  int i = 0;
  while (i < CBIGAN_N_MAP_KINDS && strcmp(base, cbigan_map_descriptions[i].name) != 0)
    i++;
  return (CbiganMapKind)i;
}

gboolean
cbigan_inspector_read_maps(CbiganInspectorMap maps[CBIGAN_N_MAP_KINDS], const char *text)
{
  g_auto(GStrv) rows = g_strsplit(text, ",", CBIGAN_N_MAP_KINDS + 1);
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    maps[i].used = maps[i].levelled = FALSE;
  for (char **row = rows; *row; row++) {
    g_auto(GStrv) parts = g_strsplit(*row, ":", 4);
    gboolean levelled;
    CbiganMapKind kind = g_strv_length(parts) == 3 ? find_map(parts[0], &levelled) : CBIGAN_N_MAP_KINDS;
    double offset, scale;
    if (kind == CBIGAN_N_MAP_KINDS || maps[kind].used ||
        !cbigan_metadata_read_number(parts[1], -G_MAXFLOAT, G_MAXFLOAT, &offset) ||
        !cbigan_metadata_read_number(parts[2], G_MINFLOAT, G_MAXFLOAT, &scale))
      return FALSE;
    maps[kind].used = TRUE;
    maps[kind].levelled = levelled;
    maps[kind].offset = offset;
    maps[kind].scale = scale;
  }
  return rows[0] != NULL;
}

static void
clear_map(CbiganInspectorMap *map)
{
  g_free(map->mean);
  g_free(map->whitening);
  g_free(map->samples);
  g_free(map->level);
  g_free(map->spread);
  *map = (CbiganInspectorMap){ 0 };
}

void
cbigan_inspector_drop_unused(CbiganInspector *self)
{
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    CbiganInspectorMap *map = &self->maps[i];
    if (!map->used)
      clear_map(map);
    if (map->levelled)
      continue;
    g_clear_pointer(&map->level, g_free);
    g_clear_pointer(&map->spread, g_free);
  }
}

void
cbigan_inspector_clear(CbiganInspector *self)
{
  g_free(self->parameters);
  g_free(self->mean);
  g_free(self->deviation);
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    clear_map(&self->maps[i]);
  g_free(self->pose.mean_part);
  g_free(self->light.quartiles);
  g_free(self->light.weights);
  *self = (CbiganInspector){ 0 };
}
