/* patches.c - patches of an 8-bit frame as numbers in [-1, 1]
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cpu.h"

/* R, G, B side by side in the frame and in n,h,w,c order: a row of a patch is one straight loop. */
void
cbigan_cpu_patches(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                   float gain, float shift, float *x)
{
  gsize row = (gsize)side * 3;
#pragma omp parallel for num_threads(cbigan_cpu_team(self)) if (n > 4)
  for (int i = 0; i < n; i++)
    for (int k = 0; k < side; k++) {
      const guint8 *restrict pixels = frame->data + (gsize)(corners[i].y + k) * frame->stride + (gsize)corners[i].x * 3;
      float *restrict out = x + ((gsize)i * side + k) * row;
      for (gsize j = 0; j < row; j++)
        out[j] = gain * (pixels[j] / 127.5f - 1.0f) + shift;
    }
}
