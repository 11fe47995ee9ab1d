/* patches.c - patches of an 8-bit frame as numbers in [-1, 1]
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cpu.h"

typedef struct {
  const CbiganPixels *frame;
  const CbiganPoint *corners;
  int side;
  float gain, shift;
  float *x;
} Patches;

/* R, G, B side by side in the frame and in n,h,w,c order: a row of a patch is one straight loop. */
static void
fill_rows(gpointer data, int first, int end)
{
  const Patches *p = data;
  const gsize row = (gsize)p->side * 3;
  const float gain = p->gain, shift = p->shift;
  for (int i = first; i < end; i++) {
    const CbiganPoint *corner = &p->corners[i / p->side];
    const guint8 *restrict pixels =
        p->frame->data + (gsize)(corner->y + i % p->side) * p->frame->stride + (gsize)corner->x * 3;
    float *restrict out = p->x + (gsize)i * row;
    for (gsize j = 0; j < row; j++)
      out[j] = gain * (pixels[j] / 127.5f - 1.0f) + shift;
  }
}

void
cbigan_cpu_patches(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                   float gain, float shift, float *x)
{
  Patches patches = { frame, corners, side, gain, shift, x };
  cbigan_backend_each(self, n * side, (gsize)(n * side * side * 3), fill_rows, &patches);
}
