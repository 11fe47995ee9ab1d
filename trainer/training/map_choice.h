/* map_choice.h - which maps of an inspector, how compared and summarised, see synthetic defects best
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "score/inspector/inspection.h"

G_BEGIN_DECLS

typedef struct _CbiganMapChoice CbiganMapChoice;

/* For n good pictures with `each` defective variants each. aligned: objects, whose maps may be compared position by
 * position. Free with cbigan_map_choice_free(). */
CbiganMapChoice *cbigan_map_choice_new(guint n, guint each, gboolean aligned);
void cbigan_map_choice_free(CbiganMapChoice *self);
/* Keeps the maps of the inspection's last picture, which has these cells; the same kinds for all pictures. variant 0:
 * as it is; 1..each: defective. Call it once for each of them that this process owns (cbigan_ranks_owns()).
 * cells->counts must outlive the choice. */
void cbigan_map_choice_add(CbiganMapChoice *self, guint picture, guint variant, const CbiganCells *cells,
                           const CbiganInspection *inspection);
/* After that, if there are several processes: all get the maps of all pictures. */
void cbigan_map_choice_share(CbiganMapChoice *self);
/* Tries every combination of these kinds and leaves the best in the inspector: used, levelled, offset, scale, level and
 * spread of its maps, and the summary. scores: [n] values of the good pictures, each against levels of others. peaks:
 * [n * CBIGAN_CELLS_PEAKS] of the same, as cbigan_cells_peaks() gives them. *tried:
 * JSON object of combinations and their AUROC (transfer full). Returns the AUROC of the best. */
double cbigan_map_choice_make(const CbiganMapChoice *self, CbiganInspector *inspector, double *scores, double *peaks,
                              char **tried);
/* AUROC of the network's maps together, as they are, by the mean of the few largest: where nothing else is better by
 * far, cbigan_map_choice_make() takes these. All of them must have been kept. */
double cbigan_map_choice_measure(const CbiganMapChoice *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganMapChoice, cbigan_map_choice_free)

G_END_DECLS
