/* upsample.cu - gradient of bilinear x2 upsampling with half-pixel centres
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/kernels/launch.cuh"
#include "kernels.h"

/* Forward, along one axis: y[2i] = x[i-1]/4 + 3x[i]/4 and y[2i+1] = 3x[i]/4 + x[i+1]/4, with clamped edges. So x[i]
 * enters y[2i-1 .. 2i+2], and the share of a clamped neighbour falls to the edge itself. */
__device__ static inline float
tap(int i)
{
  return i == 0 || i == 3 ? 0.25f : 0.75f;
}

__global__ static void
upsample_data(size_t n_floats, int h, int w, const float *dy, int accumulate, float *dx)
{
  CBIGAN_EACH (i, n_floats) {
    const int s = (int)(i % (size_t)w), r = (int)(i / (size_t)w % (size_t)h);
    const float *plane = dy + i / (size_t)(h * w) * (size_t)(4 * h * w); /* (2h, 2w) */
    float sum = accumulate ? dx[i] : 0.0f;
    for (int k = 0; k < 4; k++) {
      const float *row = plane + min(max(2 * r - 1 + k, 0), 2 * h - 1) * 2 * w;
      for (int j = 0; j < 4; j++)
        sum += tap(k) * tap(j) * row[min(max(2 * s - 1 + j, 0), 2 * w - 1)];
    }
    dx[i] = sum;
  }
}

cudaError_t
cbigan_grad_cuda_launch_upsample_data(int planes, int h, int w, const float *dy, int accumulate, float *dx,
                                      cudaStream_t stream)
{
  const size_t n_floats = (size_t)planes * (size_t)h * (size_t)w;
  return CBIGAN_LAUNCH(upsample_data, blocks_for(n_floats), stream, n_floats, h, w, dy, accumulate, dx);
}
