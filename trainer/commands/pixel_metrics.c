/* pixel_metrics.c - how well anomaly maps agree with masks of defects
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Values are counted in bins of value / (value + threshold), so memory does not depend on the number of pictures. A
 * pixel of a connected defect weighs 1 / its size in `overlap`, so that all defects count the same.
 */
#include "pixel_metrics.h"

#include <math.h>

#define BINS 8192

struct _CbiganPixelMetrics {
  double good[BINS], defective[BINS], overlap[BINS];
  guint n_defects; /* connected ones */
};

CbiganPixelMetrics *
cbigan_pixel_metrics_new(void)
{
  return g_new0(CbiganPixelMetrics, 1);
}

void
cbigan_pixel_metrics_free(CbiganPixelMetrics *self)
{
  g_free(self);
}

static int
bin_of(float value, double threshold)
{
  double share = value > 0.0f ? value / (value + threshold) : 0.0;
  return MIN((int)(share * BINS), BINS - 1);
}

/* The defect that pixel `start` belongs to, by all eight neighbours; seen: marks its pixels. pixels: (h, w) of scratch.
 */
static int
find_defect(const guint8 *mask, int w, int h, int start, guint8 *seen, int *pixels)
{
  int n = 1;
  pixels[0] = start;
  seen[start] = 1;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < 9; k++) {
      int x = pixels[i] % w + k % 3 - 1, y = pixels[i] / w + k / 3 - 1;
      if (x < 0 || y < 0 || x >= w || y >= h || !mask[y * w + x] || seen[y * w + x])
        continue;
      seen[y * w + x] = 1;
      pixels[n++] = y * w + x;
    }
  return n;
}

void
cbigan_pixel_metrics_add(CbiganPixelMetrics *self, const float *map, const guint8 *mask, int w, int h, double threshold)
{
  const int n = w * h;
  for (int i = 0; i < n; i++)
    (mask && mask[i] ? self->defective : self->good)[bin_of(map[i], threshold)] += 1.0;
  if (!mask)
    return;
  g_autofree guint8 *seen = g_new0(guint8, (gsize)w * (gsize)h);
  g_autofree int *pixels = g_new(int, (gsize)w *(gsize)h);
  for (int i = 0; i < n; i++) {
    if (!mask[i] || seen[i])
      continue;
    const int size = find_defect(mask, w, h, i, seen, pixels);
    for (int k = 0; k < size; k++)
      self->overlap[bin_of(map[pixels[k]], threshold)] += 1.0 / size;
    self->n_defects++;
  }
}

static double
sum(const double *bins)
{
  double total = 0.0;
  for (int i = 0; i < BINS; i++)
    total += bins[i];
  return total;
}

/* Area under `hits` against `alarms`, both counted from the highest bin down, up to a share `limit` of the alarms. */
static double
area(const double *alarms, const double *hits, double all_alarms, double all_hits, double limit)
{
  double result = 0.0, x = 0.0, y = 0.0;
  for (int i = BINS - 1; i >= 0 && x < limit; i--) {
    double step_x = alarms[i] / all_alarms, step_y = hits[i] / all_hits;
    double part = step_x > 0.0 ? MIN(1.0, (limit - x) / step_x) : 1.0;
    result += part * step_x * (y + 0.5 * part * step_y);
    x += step_x;
    y += step_y;
  }
  return result;
}

double
cbigan_pixel_metrics_auroc(const CbiganPixelMetrics *self)
{
  const double good = sum(self->good), defective = sum(self->defective);
  return good > 0.0 && defective > 0.0 ? area(self->good, self->defective, good, defective, 1.0) : NAN;
}

double
cbigan_pixel_metrics_aupro(const CbiganPixelMetrics *self, double limit)
{
  const double good = sum(self->good);
  return good > 0.0 && self->n_defects ? area(self->good, self->overlap, good, self->n_defects, limit) / limit : NAN;
}
