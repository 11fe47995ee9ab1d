/* map.c - a frame's map from the differences of its patches, compared with good pictures, and its peak
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/context.h"
#include "backend/cuda/operations.h"
#include "backend/cuda/readback.h"

#include <string.h>

void
cbigan_cuda_subtract(CbiganBackend *base, gsize n, const float *a, const float *b, float *difference)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_subtract(n, a, b, difference, self->stream));
}

void
cbigan_cuda_map(CbiganBackend *base, const CbiganMosaic *mosaic, const float *differences,
                const CbiganMapFilter *filter, float *scratch, float *map)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const int w = mosaic->width, h = mosaic->height;
  const gsize pixels = (gsize)w * (gsize)h;
  float *frame = scratch, *sums = scratch + 3 * pixels, *sharp = scratch + 6 * pixels;
  CbiganCudaBlur blur = { .radius = filter->blur };
  G_STATIC_ASSERT(sizeof blur.kernel == sizeof filter->kernel);
  memcpy(blur.kernel, filter->kernel, sizeof blur.kernel);
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_mosaic(h, w, mosaic->side, mosaic->columns, mosaic->rows, mosaic->across,
                                                  mosaic->down, differences, frame, self->stream));
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_high_pass(h, w, filter->high_pass, frame, sums, sharp, self->stream));
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_blur(h, w, blur, sharp, frame, map, self->stream));
}

void
cbigan_cuda_deviations(CbiganBackend *base, gsize n, const float *mean, const float *deviation, gboolean apart,
                       float floor, float *x)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_deviations(n, mean, deviation, apart ? 1 : 0, floor, x, self->stream));
}

void
cbigan_cuda_peak(CbiganBackend *base, gsize n, const float *x, float *peak)
{
  CbiganCuda *self = (CbiganCuda *)base;
  float *partial = cbigan_cuda_readback_request(
      self, (CbiganCudaResult){ .kind = CBIGAN_CUDA_PEAK, .groups = 1, .parts = cbigan_cuda_parts(n), .to = peak });
  if (partial)
    CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_peak(n, x, partial, self->stream));
}
