/* regions.c - connected parts of an anomaly map over the threshold
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "regions.h"

#include <string.h>

#include "model/error.h"

typedef struct {
  int left, top, right, bottom; /* pixels, right and bottom inclusive */
  float peak;
  int n; /* pixels */
} Part;

void
cbigan_region_search_clear(CbiganRegionSearch *self)
{
  g_free(self->seen);
  g_free(self->pixels);
  *self = (CbiganRegionSearch){ 0 };
}

gboolean
cbigan_region_search_room(CbiganRegionSearch *self, gsize n, GError **error)
{
  if (n <= self->allocated)
    return TRUE;
  cbigan_region_search_clear(self);
  if (!(self->seen = cbigan_try_new(guint8, n, error)) || !(self->pixels = cbigan_try_new(int, n, error))) {
    cbigan_region_search_clear(self);
    return FALSE;
  }
  self->allocated = n;
  return TRUE;
}

/* Finds all pixels that are connected with pixel `start`: the first ones of self->pixels. */
static Part
flood(CbiganRegionSearch *self, const float *map, int w, int h, float threshold, int start)
{
  Part part = { start % w, start / w, start % w, start / w, map[start], 0 };
  self->seen[start] = 1;
  self->pixels[part.n++] = start;
  for (int done = 0; done < part.n; done++) {
    int at = self->pixels[done], x = at % w, y = at / w;
    part.left = MIN(part.left, x);
    part.right = MAX(part.right, x);
    part.top = MIN(part.top, y);
    part.bottom = MAX(part.bottom, y);
    part.peak = MAX(part.peak, map[at]);
    const int near[4] = { x > 0 ? at - 1 : at, x < w - 1 ? at + 1 : at, y > 0 ? at - w : at, y < h - 1 ? at + w : at };
    for (int i = 0; i < 4; i++)
      if (!self->seen[near[i]] && map[near[i]] > threshold) {
        self->seen[near[i]] = 1;
        self->pixels[part.n++] = near[i];
      }
  }
  return part;
}

/* The part that was found last counts. */
static void
keep(CbiganRegionSearch *self, int n)
{
  for (int i = 0; i < n; i++)
    self->seen[self->pixels[i]] = CBIGAN_SEEN_COUNTS;
}

/* Keeps parts[] sorted by peak; a full list loses its lowest. */
static guint
insert(Part *parts, guint n, Part part)
{
  guint at = n;
  while (at > 0 && parts[at - 1].peak < part.peak)
    at--;
  if (at == CBIGAN_MAX_REGIONS)
    return n;
  n = MIN(n + 1, CBIGAN_MAX_REGIONS);
  memmove(&parts[at + 1], &parts[at], sizeof *parts * (n - 1 - at));
  parts[at] = part;
  return n;
}

/* Without branches, so that it becomes vectors: most rows of most maps have none. */
static gboolean
any_over(const float *row, int w, float threshold)
{
  int over = 0;
#pragma omp simd reduction(+ : over)
  for (int i = 0; i < w; i++)
    over += row[i] > threshold;
  return over > 0;
}

guint
cbigan_region_search_run(CbiganRegionSearch *self, const float *map, int w, int h, double threshold, double least,
                         CbiganRegion regions[CBIGAN_MAX_REGIONS])
{
  Part parts[CBIGAN_MAX_REGIONS];
  gsize n_pixels = (gsize)w * (gsize)h;
  guint n = 0;
  g_return_val_if_fail(n_pixels <= self->allocated, 0);
  memset(self->seen, 0, n_pixels);
  for (int y = 0; y < h; y++)
    if (any_over(map + (gsize)y * w, w, (float)threshold))
      for (int i = y * w; i < (y + 1) * w; i++)
        if (!self->seen[i] && map[i] > (float)threshold) {
          const Part part = flood(self, map, w, h, (float)threshold, i);
          if (part.n >= least * (double)n_pixels) {
            keep(self, part.n);
            n = insert(parts, n, part);
          }
        }
  for (guint i = 0; i < n; i++)
    regions[i] = (CbiganRegion){ .x = (double)parts[i].left / w,
                                 .y = (double)parts[i].top / h,
                                 .w = (double)(parts[i].right - parts[i].left + 1) / w,
                                 .h = (double)(parts[i].bottom - parts[i].top + 1) / h,
                                 .peak = cbigan_normalize(parts[i].peak, threshold),
                                 .area = parts[i].n / (double)n_pixels };
  return n;
}
