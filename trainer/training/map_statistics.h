/* map_statistics.h - what an inspector's maps compare features with, from good pictures one after another
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "score/inspector/gaussian.h"
#include "score/inspector/inspection.h"

G_BEGIN_DECLS

/* Of the maps in use that have several features per cell; NULL: of the others. */
typedef struct {
  CbiganGaussianSums *sums[CBIGAN_N_MAP_KINDS];
  GPtrArray *kept[CBIGAN_N_MAP_KINDS]; /* of maps with samples: features (channels, cells) of pictures */
} CbiganMapStatistic;

/* inspector: whose maps in use are meant. Clear it with cbigan_map_statistic_clear(). */
void cbigan_map_statistic_init(CbiganMapStatistic *self, const CbiganInspector *inspector);
void cbigan_map_statistic_clear(CbiganMapStatistic *self);
/* Bytes that one takes, with all its pictures */
gsize cbigan_map_statistic_size(const CbiganInspector *inspector);
/* One more picture: the inspection's last one. number: of the picture, from 0; maps with samples keep the first ones.
 */
void cbigan_map_statistic_add(CbiganMapStatistic *self, guint number, const CbiganInspection *inspection,
                              const CbiganCells *cells);
/* After each process has added those of n pictures that it owns: all get the statistic of all n. Picture `number` is
 * item first + number * step of cbigan_ranks_owner(). */
void cbigan_map_statistic_share(CbiganMapStatistic *self, const CbiganInspector *inspector, guint first, guint step,
                                guint n);
/* Adds the pictures of another one, which must outlive this; nothing can be added to this one any more. */
void cbigan_map_statistic_merge(CbiganMapStatistic *self, const CbiganMapStatistic *other);
/* Puts mean, whitening and samples into the inspector's maps. */
void cbigan_map_statistic_finish(const CbiganMapStatistic *self, CbiganInspector *inspector);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganMapStatistic, cbigan_map_statistic_clear)

G_END_DECLS
