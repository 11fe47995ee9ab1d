/* patches.c - patches of an 8-bit frame as numbers in [-1, 1]
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/memory.h"
#include "backend/cuda/operations.h"

#include <string.h>

/* The part of the frame that these patches see: only that is sent. */
typedef struct {
  int left, top, right, bottom;
} Box;

static Box
find_box(const CbiganPoint *corners, int n, int side)
{
  Box box = { corners[0].x, corners[0].y, corners[0].x, corners[0].y };
  for (int i = 1; i < n; i++)
    box = (Box){ MIN(box.left, corners[i].x), MIN(box.top, corners[i].y), MAX(box.right, corners[i].x),
                 MAX(box.bottom, corners[i].y) };
  return (Box){ box.left, box.top, box.right + side, box.bottom + side };
}

void
cbigan_cuda_patches(CbiganBackend *base, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                    float gain, float shift, float *x)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const Box box = find_box(corners, n, side);
  const gsize stride = (gsize)(box.right - box.left) * 3, places = (gsize)n * 2 * sizeof(int);
  const gsize size = places + stride * (gsize)(box.bottom - box.top);
  int *place = cbigan_cuda_stage_upload(self, size); /* (n, 2) corners within the box, then the box's rows */
  if (!place)
    return;
  for (int i = 0; i < n; i++) {
    place[2 * i] = corners[i].x - box.left;
    place[2 * i + 1] = corners[i].y - box.top;
  }
  guint8 *row = (guint8 *)place + places;
  for (int y = box.top; y < box.bottom; y++, row += stride)
    memcpy(row, frame->data + (gsize)y * frame->stride + (gsize)box.left * 3, stride);
  const guint8 *sent = cbigan_cuda_upload_staged(self, size);
  if (sent)
    CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_patches(n, side, (const int *)(gconstpointer)sent, sent + places, stride,
                                                     gain, shift, x, self->stream));
}
