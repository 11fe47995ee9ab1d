/* map.c - a frame's map from the differences of its patches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Five launches, not a graph: frames of another size would need another one each.
 */
#include "backend/cuda/cuda.h"

#include <math.h>
#include <string.h>

void
cbigan_cuda_subtract(CbiganBackend *base, gsize n, const float *a, const float *b, float *difference)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_subtract(n, a, b, difference, self->stream));
}

/* Corners along both axes, on the device; NULL: failed */
static const int *
send_corners(CbiganCuda *self, const CbiganMosaic *mosaic)
{
  const gsize size = (gsize)(mosaic->columns + mosaic->rows) * sizeof(int);
  int *corners = cbigan_cuda_outbox(self, size);
  if (!corners)
    return NULL;
  for (int i = 0; i < mosaic->columns; i++)
    corners[i] = mosaic->corners[i].x;
  for (int i = 0; i < mosaic->rows; i++)
    corners[mosaic->columns + i] = mosaic->corners[i * mosaic->columns].y;
  return cbigan_cuda_send(self, size);
}

/* FALSE: failed, kept. scratch: see CBIGAN_MAP_PLANES */
static gboolean
launch(CbiganCuda *self, const CbiganMosaic *mosaic, const float *differences, const CbiganMapFilter *filter,
       float *scratch, float *map)
{
  const int w = mosaic->width, h = mosaic->height;
  const gsize pixels = (gsize)w * (gsize)h;
  float *frame = scratch, *sums = scratch + 3 * pixels, *sharp = scratch + 6 * pixels;
  const int *corners = send_corners(self, mosaic);
  CbiganCudaBlur blur = { .radius = filter->blur };
  G_STATIC_ASSERT(sizeof blur.kernel == sizeof filter->kernel);
  memcpy(blur.kernel, filter->kernel, sizeof blur.kernel);
  return corners &&
         CBIGAN_CUDA_TRY(self,
                         cbigan_cuda_launch_mosaic(h, w, mosaic->side, mosaic->columns, mosaic->rows, corners,
                                                   corners + mosaic->columns, differences, frame, self->stream)) &&
         CBIGAN_CUDA_TRY(self,
                         cbigan_cuda_launch_high_pass(h, w, filter->high_pass, frame, sums, sharp, self->stream)) &&
         CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_blur(h, w, blur, sharp, frame, map, self->stream));
}

void
cbigan_cuda_map(CbiganBackend *base, const CbiganMosaic *mosaic, const float *differences,
                const CbiganMapFilter *filter, float *scratch, float *map)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const gsize pixels = (gsize)mosaic->width * (gsize)mosaic->height;
  float *there = cbigan_cuda_inbox(self, pixels * sizeof *map);
  const float *received = there && launch(self, mosaic, differences, filter, scratch, there)
                              ? cbigan_cuda_receive(self, pixels * sizeof *map)
                              : NULL;
  if (received)
    memcpy(map, received, pixels * sizeof *map);
  for (gsize i = 0; !received && i < pixels; i++)
    map[i] = NAN;
}
