/* tiling.c - patches that cover a frame, and the light they are seen in
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tiling.h"

#include <math.h>
#include <string.h>

#include "i18n.h"

static int
patches_along(int length, int side)
{
  return (length + side - 1) / side;
}

/* Corner of patch i of n: 0 for the first, length - side for the last. */
static int
corner_of(int i, int n, int length, int side)
{
  return n == 1 ? 0 : (int)(((gint64)i * (length - side) + (n - 1) / 2) / (n - 1));
}

void
cbigan_patches_init(CbiganPatches *self, int side)
{
  *self = (CbiganPatches){ .side = side, .corners = g_array_new(FALSE, FALSE, sizeof(CbiganPoint)) };
}

void
cbigan_patches_clear(CbiganPatches *self)
{
  g_clear_pointer(&self->corners, g_array_unref);
}

gboolean
cbigan_patches_cover(CbiganPatches *self, int width, int height, GError **error)
{
  int side = self->side;
  if (width < side || height < side) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                _("the frame has %d x %d pixels, smaller than the model's patch of %d x %d"), width, height, side,
                side);
    return FALSE;
  }
  self->columns = patches_along(width, side);
  self->rows = patches_along(height, side);
  g_array_set_size(self->corners, (guint)(self->columns * self->rows));
  for (int row = 0; row < self->rows; row++)
    for (int column = 0; column < self->columns; column++)
      g_array_index(self->corners, CbiganPoint, row * self->columns + column) =
          (CbiganPoint){ corner_of(column, self->columns, width, side), corner_of(row, self->rows, height, side) };
  return TRUE;
}

void
cbigan_patches_count(int length, int side, guint8 *counts)
{
  int n = patches_along(length, side);
  memset(counts, 0, (gsize)length);
  for (int i = 0; i < n; i++) {
    int corner = corner_of(i, n, length, side);
    for (int k = corner; k < corner + side; k++)
      counts[k]++;
  }
}

typedef struct {
  const CbiganFrame *frame;
  guint64 *histogram;
  GMutex lock; /* of the histogram */
} Count;

static void
count_rows(gpointer data, int first, int end)
{
  Count *count = data;
  guint32 parts[4 * 256] = { 0 }; /* four histograms, so that equal neighbours don't wait for each other's sum */
  gsize n = 3 * (gsize)count->frame->width;
  for (int y = first; y < end; y++) {
    const guint8 *row = count->frame->data + (gsize)y * count->frame->stride;
    gsize i = 0;
    for (; i + 4 <= n; i += 4)
      for (int k = 0; k < 4; k++)
        parts[256 * k + row[i + (gsize)k]]++;
    for (; i < n; i++)
      parts[row[i]]++;
  }
  g_mutex_lock(&count->lock);
  for (int i = 0; i < 4 * 256; i++)
    count->histogram[i % 256] += parts[i];
  g_mutex_unlock(&count->lock);
}

void
cbigan_light_histogram(const CbiganFrame *frame, guint64 histogram[256], CbiganBackend *backend)
{
  Count count = { .frame = frame, .histogram = histogram };
  g_mutex_init(&count.lock);
  cbigan_backend_each(backend, frame->height, 3 * (gsize)frame->width * (gsize)frame->height, count_rows, &count);
  g_mutex_clear(&count.lock);
}

double
cbigan_light_quantile(const guint64 histogram[256], double share)
{
  double n = 0.0, before = 0.0;
  for (int v = 0; v < 256; v++)
    n += (double)histogram[v];
  int v = 0;
  while (v < 255 && before + (double)histogram[v] <= share * n)
    before += (double)histogram[v++];
  double value = v - 0.5 + (histogram[v] ? (share * n - before) / (double)histogram[v] : 0.0);
  return CLAMP(value, 0.0, 255.0) / 127.5 - 1.0;
}

CbiganLight
cbigan_light_compensation(const CbiganFrame *frame, double low, double median, CbiganBackend *backend)
{
  if (isnan(low) || isnan(median))
    return (CbiganLight){ 1.0f, 0.0f };
  guint64 histogram[256] = { 0 };
  cbigan_light_histogram(frame, histogram, backend);
  double its_low = cbigan_light_quantile(histogram, CBIGAN_LIGHT_LOW);
  double its_median = cbigan_light_quantile(histogram, CBIGAN_LIGHT_MEDIAN);
  double contrast = MAX(its_median - its_low, 1e-6);
  double gain = CLAMP((median - low) / contrast, 3.0 / 4.0, 4.0 / 3.0);
  return (CbiganLight){ (float)gain, (float)(median - gain * its_median) };
}
