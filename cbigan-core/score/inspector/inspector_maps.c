/* inspector_maps.c - the maps that an inspector's score is made of: rows of one table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "inspector_maps.h"

#include <string.h>

#include "bank.h"
#include "gaussian.h"
#include "multiversion.h"
#include "nearest.h"

static gsize
count_cells(const CbiganMapSource *source)
{
  return (gsize)source->columns * (gsize)source->rows;
}

static void
logit_features(const CbiganMapSource *source, float *features)
{
  memcpy(features, source->logits, count_cells(source) * sizeof(float));
}

/* Logarithms r, g, b -> the level and two planes of colour, n numbers each */
CBIGAN_WIDE static void
level_and_colours(const float *restrict rgb, gsize n, float *restrict planes)
{
  for (gsize i = 0; i < n; i++) {
    const float r = rgb[i], g = rgb[n + i], b = rgb[2 * n + i];
    planes[i] = (r + g + b) * (1.0f / 3.0f);
    planes[n + i] = r - g;
    planes[2 * n + i] = b - 0.5f * (r + g);
  }
}

/* Of objects, the bank sees the level itself, as positions have a Gaussian each. Of surfaces, it sees detail by local
 * contrast, the third plane, before both of colour: with the level, magnetic tiles' AUROC was .54 instead of .64. */
static void
bank_features(const CbiganMapSource *source, float *features)
{
  const gsize n = (gsize)source->w * (gsize)source->h;
  g_autofree float *planes = source->aligned ? cbigan_scratch_new(source->backend, float, 3 * n) : NULL;
  if (source->aligned && !planes)
    return;
  if (source->aligned)
    level_and_colours(source->planes, n, planes);
  cbigan_bank_features(source->backend, source->aligned ? planes : source->planes + 2 * n, source->w, source->h,
                       features);
}

static void
nearest_features(const CbiganMapSource *source, float *features)
{
  if (source->bank)
    memcpy(features, source->bank, CBIGAN_BANK_CHANNELS * count_cells(source) * sizeof(float));
  else
    bank_features(source, features);
}

void
cbigan_map_features(CbiganMapKind kind, const CbiganMapSource *source, float *features)
{
  static void (*const rows[CBIGAN_N_MAP_KINDS])(const CbiganMapSource *source, float *features) = {
    [CBIGAN_MAP_LOGIT] = logit_features,
    [CBIGAN_MAP_BANK] = bank_features,
    [CBIGAN_MAP_NEAREST] = nearest_features,
  };
  if (rows[kind])
    rows[kind](source, features);
}

void
cbigan_map_values(CbiganMapKind kind, const CbiganInspectorMap *map, const CbiganMapSource *source,
                  const float *features, float *values)
{
  const int channels = cbigan_map_descriptions[kind].channels, samples = cbigan_map_descriptions[kind].samples;
  const gsize cells = count_cells(source);
  if (map->samples) {
    g_autofree float *x = cbigan_backend_scratch_copy(source->backend, (gsize)channels * cells, features);
    if (!x)
      return;
    cbigan_whiten(source->backend, map->mean, map->whitening, channels, cells, x);
    cbigan_nearest_distance(source->backend, x, map->samples, samples, channels, source->columns, source->rows, values);
  } else if (map->mean) {
    cbigan_gaussian_distance(source->backend, features, channels, cells, map->mean, map->whitening,
                             source->aligned ? cells : 1, values);
  } else {
    memcpy(values, features, cells * sizeof(float));
  }
}

void
cbigan_map_level(const CbiganInspectorMap *map, gsize cells, float *values)
{
  for (gsize i = 0; map->levelled && i < cells; i++)
    values[i] = (values[i] - map->level[i]) / map->spread[i];
}

void
cbigan_map_fuse(const CbiganInspectorMap *map, const float *values, gsize cells, float *fused)
{
  const float offset = (float)map->offset, scale = (float)map->scale;
  for (gsize i = 0; i < cells; i++) {
    const float value = (values[i] - offset) / scale;
    fused[i] = MIN(fused[i], value);
  }
}
