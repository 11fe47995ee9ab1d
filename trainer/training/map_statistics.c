/* map_statistics.c - what an inspector's maps compare features with, from good pictures one after another
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "map_statistics.h"

#include <string.h>

#include "ranks.h"
#include "score/inspector/nearest.h"

#define RIDGE 0.01 /* of the largest variance: what differs less counts little between neighbours */

gsize
cbigan_map_statistic_size(const CbiganInspector *inspector)
{
  gsize bytes = 0;
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    const CbiganMapDescription *description = &cbigan_map_descriptions[i];
    const gsize channels = (gsize)description->channels;
    if (!inspector->maps[i].used || channels == 1)
      continue;
    bytes +=
        channels * (channels + 3) / 2 * cbigan_inspector_map_positions(inspector, (CbiganMapKind)i) * sizeof(double) +
        (gsize)description->samples * channels * cbigan_inspector_positions(inspector) * sizeof(float);
  }
  return bytes;
}

void
cbigan_map_statistic_init(CbiganMapStatistic *self, const CbiganInspector *inspector)
{
  *self = (CbiganMapStatistic){ 0 };
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    const CbiganMapDescription *description = &cbigan_map_descriptions[i];
    if (!inspector->maps[i].used || description->channels == 1)
      continue;
    self->sums[i] =
        cbigan_gaussian_sums_new(description->channels, cbigan_inspector_map_positions(inspector, (CbiganMapKind)i));
    if (description->samples)
      self->kept[i] = g_ptr_array_new_with_free_func(g_free);
  }
}

void
cbigan_map_statistic_clear(CbiganMapStatistic *self)
{
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    g_clear_pointer(&self->sums[i], cbigan_gaussian_sums_free);
    g_clear_pointer(&self->kept[i], g_ptr_array_unref);
  }
}

/* The first pictures are kept. Callers take them in random order. */
static void
keep(CbiganMapStatistic *self, int kind, guint number, const float *features, gsize cells)
{
  const CbiganMapDescription *description = &cbigan_map_descriptions[kind];
  GPtrArray *kept = self->kept[kind];
  if (!kept || number >= (guint)description->samples)
    return;
  g_ptr_array_set_size(kept, MAX((int)kept->len, (int)number + 1));
  kept->pdata[number] = g_memdup2(features, (gsize)description->channels * cells * sizeof(float));
}

void
cbigan_map_statistic_add(CbiganMapStatistic *self, guint number, const CbiganInspection *inspection,
                         const CbiganCells *cells)
{
  const gsize n = (gsize)cells->w * (gsize)cells->h;
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    if (!self->sums[i])
      continue;
    const float *features = cbigan_inspection_features(inspection, (CbiganMapKind)i);
    cbigan_gaussian_sums_add(self->sums[i], features, n);
    keep(self, i, number, features, n);
  }
}

void
cbigan_map_statistic_share(CbiganMapStatistic *self, const CbiganInspector *inspector, guint first, guint step, guint n)
{
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    const CbiganMapDescription *description = &cbigan_map_descriptions[i];
    GPtrArray *kept = self->kept[i];
    if (self->sums[i])
      cbigan_gaussian_sums_foreach(self->sums[i], cbigan_ranks_sum_doubles);
    if (!kept)
      continue;
    const gsize size = (gsize)description->channels * cbigan_inspector_positions(inspector) * sizeof(float);
    g_ptr_array_set_size(kept, (int)MIN(n, (guint)description->samples));
    for (guint k = 0; k < kept->len; k++) {
      if (!kept->pdata[k])
        kept->pdata[k] = g_malloc(size);
      cbigan_ranks_broadcast(cbigan_ranks_owner(first + k * step), size, kept->pdata[k]);
    }
  }
}

void
cbigan_map_statistic_merge(CbiganMapStatistic *self, const CbiganMapStatistic *other)
{
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    if (self->sums[i])
      cbigan_gaussian_sums_merge(self->sums[i], other->sums[i]);
    for (guint k = 0; self->kept[i] && k < other->kept[i]->len; k++)
      g_ptr_array_add(self->kept[i], g_ptr_array_index(other->kept[i], k));
    if (self->kept[i])
      g_ptr_array_set_free_func(self->kept[i], NULL);
  }
}

/* Samples of the map: kept pictures, spread over all of them; places without one are far from everything. */
static void
fill_samples(const GPtrArray *kept, int channels, int most, int columns, int rows, CbiganInspectorMap *map)
{
  const gsize cells = (gsize)columns * (gsize)rows, n = (gsize)channels * cells;
  const guint used = MIN(kept->len, (guint)most);
  g_autofree float *x = g_new(float, n);
  for (gsize i = 0; i < (gsize)most * n; i++)
    map->samples[i] = CBIGAN_NO_SAMPLE;
  for (guint sample = 0; sample < used; sample++) {
    memcpy(x, g_ptr_array_index(kept, sample * kept->len / used), n * sizeof(float));
    cbigan_whiten(NULL, map->mean, map->whitening, channels, cells, x);
    for (int row = 0; row < rows; row++)
      for (int c = 0; c < channels; c++)
        memcpy(map->samples + ((gsize)(row * most + (int)sample) * (gsize)channels + (gsize)c) * (gsize)columns,
               x + (gsize)(c * rows + row) * (gsize)columns, (gsize)columns * sizeof(float));
  }
}

void
cbigan_map_statistic_finish(const CbiganMapStatistic *self, CbiganInspector *inspector)
{
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    const gsize positions = cbigan_inspector_map_positions(inspector, (CbiganMapKind)i);
    const int channels = cbigan_map_descriptions[i].channels, samples = cbigan_map_descriptions[i].samples;
    const gsize n = (gsize)channels * positions, pairs = (gsize)(channels * (channels + 1) / 2) * positions;
    CbiganInspectorMap *map = &inspector->maps[i];
    if (!self->sums[i])
      continue;
    map->mean = g_renew(float, map->mean, n);
    map->whitening = g_renew(float, map->whitening, pairs);
    if (!samples) {
      cbigan_gaussian_sums_finish(self->sums[i], map->mean, map->whitening);
      continue;
    }
    cbigan_gaussian_sums_finish_ridge(self->sums[i], RIDGE, map->mean, map->whitening);
    map->samples = g_renew(float, map->samples, (gsize)samples *(gsize)channels *cbigan_inspector_positions(inspector));
    fill_samples(self->kept[i], channels, samples, inspector->w / CBIGAN_INSPECTOR_CELL,
                 inspector->h / CBIGAN_INSPECTOR_CELL, map);
  }
}
