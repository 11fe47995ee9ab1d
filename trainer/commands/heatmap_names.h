/* heatmap_names.h - a file name of its own for each picture's heat map
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CbiganHeatmapNames CbiganHeatmapNames;

/* folder: where the maps are written. */
CbiganHeatmapNames *cbigan_heatmap_names_new(const char *folder);
void cbigan_heatmap_names_free(CbiganHeatmapNames *self);

/* "test/good/000.png" -> "FOLDER/test_good_000.png" (transfer full). A name that another picture has had, or that
 * belongs to a file which is no heat map, gets the picture's extension or a number too. Long ones are shortened. */
char *cbigan_heatmap_names_choose(CbiganHeatmapNames *self, const char *picture);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganHeatmapNames, cbigan_heatmap_names_free)

G_END_DECLS
