/* regions.h - connected parts of an anomaly map over the threshold
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

/* value / (value + threshold): 0..1, 0.5 = at the threshold; NAN without one. (heatmap.c) */
double cbigan_normalize(double value, double threshold);

#define CBIGAN_SEEN_COUNTS 2

/* Memory that a search needs. Starts as zeros. */
typedef struct {
  guint8 *seen; /* (h, w): CBIGAN_SEEN_COUNTS = of a part that is large enough */
  int *pixels;  /* (h, w): the first one of each run of one part */
  gsize allocated;
} CbiganRegionSearch;

void cbigan_region_search_clear(CbiganRegionSearch *self);
/* Memory for maps of up to n pixels. FALSE with CBIGAN_ERROR_BACKEND: there is no room. */
gboolean cbigan_region_search_room(CbiganRegionSearch *self, gsize n, GError **error);
/* The connected parts of map (h, w) above the threshold; pixels connect by their sides. least: parts of a
 * smaller fraction of the map are left out, 0..1. There is room for the map. Writes at most CBIGAN_MAX_REGIONS, the
 * highest peaks first, and returns their number. */
guint cbigan_region_search_run(CbiganRegionSearch *self, const float *map, int w, int h, double threshold, double least,
                               CbiganRegion regions[CBIGAN_MAX_REGIONS]);

G_END_DECLS
