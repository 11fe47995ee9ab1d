/* inspector_maps.h - the maps that an inspector's score is made of: rows of one table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A row computes features per cell. A map is the feature itself, or the distance of several features from those of good
 * pictures in the same position. It may be compared with the values of good pictures in the same cell. The score is
 * made of the mean of the maps in use, each less the median of good pictures' summaries, over their deviation. What to
 * add for a new map stands at CbiganMapKind.
 */
#pragma once
#include "model/model.h"
#include "cells.h"
#include "exposure.h"

G_BEGIN_DECLS

/* What a row reads. */
typedef struct {
  CbiganBackend *backend; /* its threads share the work, and it keeps a lack of memory (cbigan_backend_scratch()) */
  const float *planes;    /* (planes, h, w), as the network reads them */
  gboolean aligned;       /* planes of an object: logarithms come first; else of a surface */
  int w, h;               /* pixels */
  int columns, rows;      /* cells; those at the right and lower borders may be narrower */
  const float *logits;    /* (rows, columns) */
  const float *bank;      /* features of the map of that kind; NULL: they are not known */
} CbiganMapSource;        /* logits: only where a map in use reads the network */

/* -> features (channels, rows, columns) of cbigan_map_descriptions[kind].channels. Those of hidden units are there
 * already: the network's numbers are as many as all other maps', and stay where they were put. */
void cbigan_map_features(CbiganMapKind kind, const CbiganMapSource *source, float *features);
/* features of the source's cells -> values (rows, columns). Without mean: their first channel. */
void cbigan_map_values(CbiganMapKind kind, const CbiganInspectorMap *map, const CbiganMapSource *source,
                       const float *features, float *values);
/* values (cells) -> the same, compared with good pictures where the map is levelled */
void cbigan_map_level(const CbiganInspectorMap *map, gsize cells, float *values);
/* fused (cells) = the smaller of it and (values - offset) / scale. It begins with INFINITY. */
void cbigan_map_fuse(const CbiganInspectorMap *map, const float *values, gsize cells, float *fused);

G_END_DECLS
