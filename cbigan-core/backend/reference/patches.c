/* patches.c - patches of an 8-bit frame as numbers in [-1, 1]
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reference.h"

void
cbigan_reference_patches(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                         float gain, float shift, float *x)
{
  for (int i = 0; i < n; i++)
    for (int c = 0; c < 3; c++)
      for (int r = 0; r < side; r++)
        for (int s = 0; s < side; s++, x++) {
          guint8 pixel = frame->data[(corners[i].y + r) * frame->stride + (gsize)(corners[i].x + s) * 3 + c];
          *x = gain * (pixel / 127.5f - 1.0f) + shift;
        }
}
