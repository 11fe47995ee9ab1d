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

typedef struct {
  CbiganRegionSearch *search;
  const float *map; /* (h, w) */
  int w, h;
  float threshold;
  int n; /* runs of the part: pixels over the threshold side by side; search->pixels has the first one of each */
} Flood;

/* Takes the run that pixel `at` of a row lies in; returns the pixel behind it. */
static int
take_run(Flood *self, int at)
{
  const int row = at / self->w * self->w, end = row + self->w;
  while (at > row && self->map[at - 1] > self->threshold)
    at--;
  self->search->pixels[self->n++] = at;
  for (; at < end && self->map[at] > self->threshold; at++)
    self->search->seen[at] = 1;
  return at;
}

/* Takes runs that touch pixels [first, end) of a row. */
static void
take_touching(Flood *self, int first, int end)
{
  for (int at = first; at < end; at++)
    if (self->map[at] > self->threshold && !self->search->seen[at])
      at = take_run(self, at);
}

/* Finds all pixels that are connected with pixel `start`. */
static Part
flood(Flood *self, int start)
{
  const int w = self->w;
  Part part = { start % w, start / w, start % w, start / w, self->map[start], 0 };
  self->n = 0;
  take_run(self, start);
  for (int done = 0; done < self->n; done++) {
    const int first = self->search->pixels[done], y = first / w;
    int at = first;
    for (; at < (y + 1) * w && self->map[at] > self->threshold; at++)
      part.peak = MAX(part.peak, self->map[at]);
    part.n += at - first;
    part.left = MIN(part.left, first - y * w);
    part.right = MAX(part.right, at - 1 - y * w);
    part.top = MIN(part.top, y);
    part.bottom = MAX(part.bottom, y);
    if (y > 0)
      take_touching(self, first - w, at - w);
    if (y < self->h - 1)
      take_touching(self, first + w, at + w);
  }
  return part;
}

/* The part that was found last counts. */
static void
keep(const Flood *self)
{
  for (int i = 0; i < self->n; i++)
    for (int at = self->search->pixels[i], end = (at / self->w + 1) * self->w; at < end && self->search->seen[at]; at++)
      self->search->seen[at] = CBIGAN_SEEN_COUNTS;
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
  Flood runs = { self, map, w, h, (float)threshold, 0 };
  guint n = 0;
  g_return_val_if_fail(n_pixels <= self->allocated, 0);
  memset(self->seen, 0, n_pixels);
  for (int y = 0; y < h; y++)
    if (any_over(map + (gsize)y * w, w, (float)threshold))
      for (int i = y * w; i < (y + 1) * w; i++)
        if (!self->seen[i] && map[i] > (float)threshold) {
          const Part part = flood(&runs, i);
          if (part.n >= least * (double)n_pixels) {
            keep(&runs);
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
