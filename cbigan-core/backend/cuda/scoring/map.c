/* map.c - a frame's map: puts the differences of its patches together, compares with good pictures, finds the peak
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/context.h"
#include "backend/cuda/operations.h"
#include "backend/cuda/readback.h"
#include "backend/cuda/scoring/peaks.h"

#include <string.h>

void
cbigan_cuda_difference(CbiganBackend *base, int n, gsize size, const float *a, const float *b, float *difference,
                       double *sums)
{
  CbiganCuda *self = (CbiganCuda *)base;
  if (!sums) {
    CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_subtract((gsize)n * size, a, b, difference, self->stream));
    return;
  }
  double *partial = cbigan_cuda_readback_request(
      self, (CbiganCudaResult){ .kind = CBIGAN_CUDA_SUMS, .groups = n, .parts = cbigan_cuda_parts(size), .to = sums });
  if (partial)
    CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_l1(n, size, a, b, difference, partial, self->stream));
}

void
cbigan_cuda_peaks(CbiganCuda *self, int n, gsize size, const float *x, float *peaks)
{
  float *partial = cbigan_cuda_readback_request(
      self, (CbiganCudaResult){ .kind = CBIGAN_CUDA_PEAK, .groups = n, .parts = cbigan_cuda_parts(size), .to = peaks });
  if (partial)
    CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_peak(n, size, x, partial, self->stream));
}

void
cbigan_cuda_map(CbiganBackend *base, const CbiganFrameTiling *tiling, const float *differences,
                const CbiganMapFilter *filter, const CbiganMapBaseline *good, float *scratch, float *map, float *peak)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const int w = tiling->width, h = tiling->height;
  const gsize pixels = (gsize)w * (gsize)h;
  float *frame = scratch, *sums = scratch + 3 * pixels, *sharp = scratch + 6 * pixels;
  CbiganCudaBlur blur = { .radius = filter->blur };
  G_STATIC_ASSERT(sizeof blur.kernel == sizeof filter->kernel);
  memcpy(blur.kernel, filter->kernel, sizeof blur.kernel);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_mosaic(h, w, tiling->side, tiling->columns, tiling->rows, tiling->across,
                                                  tiling->down, differences, frame, self->stream));
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_high_pass(h, w, filter->high_pass, frame, sums, sharp, self->stream));
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_blur(h, w, blur, sharp, frame, map, self->stream));
  if (good)
    CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_deviations(pixels, good->mean, good->deviation, good->aligned, good->floor,
                                                        map, self->stream));
  if (peak)
    cbigan_cuda_peaks(self, 1, pixels, map, peak);
}
