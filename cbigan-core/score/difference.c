/* difference.c - a frame less its reconstruction, where patches overlap less their mean
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "difference.h"

#include <string.h>

#include "multiversion.h"

CBIGAN_WIDE static gboolean
all_finite(const float *x, gsize n)
{
  float sum = 0.0f; /* stays 0 unless something is infinite or NAN */
#pragma omp simd reduction(+ : sum)
  for (gsize i = 0; i < n; i++)
    sum += x[i] * 0.0f;
  return sum == 0.0f;
}

gboolean
cbigan_all_finite(const float *x, gsize n)
{
  return all_finite(x, n);
}

/* Row y of a channel: x - the mean of the reconstructions there -> d (w). values: x of each 8-bit value. */
CBIGAN_WIDE static void
difference_row(const CbiganDifference *self, const float values[256], int channel, int y, float *d)
{
  const CbiganPatches *patches = self->patches;
  int side = patches->side, w = self->frame->width;
  gsize plane = (gsize)side * (gsize)side;
  const CbiganPoint *corners = &g_array_index(patches->corners, CbiganPoint, 0);
  const guint8 *pixels = self->frame->data + (gsize)y * self->frame->stride + channel;
  const guint8 *across = self->counts, *down = self->counts + w;
  memset(d, 0, sizeof *d * (gsize)w);
  for (guint i = 0; i < patches->corners->len; i++) {
    if (y < corners[i].y || y >= corners[i].y + side)
      continue;
    const float *from = self->images + (3 * i + (gsize)channel) * plane + (gsize)(y - corners[i].y) * side;
    float *to = d + corners[i].x;
    for (int x = 0; x < side; x++)
      to[x] += from[x];
  }
  if ((gsize)patches->columns * side == (gsize)w && down[y] == 1) /* no patch overlaps another here */
    for (int x = 0; x < w; x++)
      d[x] = values[pixels[3 * x]] - d[x];
  else
    for (int x = 0; x < w; x++)
      d[x] = values[pixels[3 * x]] - d[x] / (float)(across[x] * down[y]);
}

typedef struct {
  const CbiganDifference *self;
  float values[256]; /* x of each 8-bit value */
  gint spoilt;       /* atomic: something is not finite */
} Subtraction;

static void
subtract_rows(gpointer data, int first, int end) /* of all channels */
{
  Subtraction *s = data;
  int w = s->self->frame->width, h = s->self->frame->height;
  for (int row = first; row < end; row++) {
    float *d = s->self->difference + (gsize)row * w;
    difference_row(s->self, s->values, row / h, row % h, d);
    if (!all_finite(d, (gsize)w))
      g_atomic_int_set(&s->spoilt, TRUE);
  }
}

gboolean
cbigan_difference_find(const CbiganDifference *self)
{
  int w = self->frame->width, h = self->frame->height;
  Subtraction s = { .self = self };
  cbigan_patches_count(w, self->patches->side, self->counts);
  cbigan_patches_count(h, self->patches->side, self->counts + w);
  for (int v = 0; v < 256; v++) /* as the backends' patches() has them */
    s.values[v] = self->light.gain * ((float)v / 127.5f - 1.0f) + self->light.shift;
  cbigan_backend_each(self->backend, 3 * h, 3 * (gsize)w * (gsize)h, subtract_rows, &s);
  return !g_atomic_int_get(&s.spoilt);
}
