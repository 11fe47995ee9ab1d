/* upsample.cu - bilinear, twice the size, half-pixel centres, edges clamped
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/launch.cuh"

/* Output centre i lies between the input's near and far, 3 : 1. */
__device__ static inline int
near_of(int i)
{
  return i / 2;
}

__device__ static inline int
far_of(int i, int size)
{
  return min(max(i % 2 ? i / 2 + 1 : i / 2 - 1, 0), size - 1);
}

__global__ static void
upsample(size_t n_floats, int h, int w, const float *x, float *y)
{
  CBIGAN_EACH (i, n_floats) {
    const int s = (int)(i % (size_t)(2 * w)), r = (int)(i / (size_t)(2 * w) % (size_t)(2 * h));
    const float *plane = x + i / (size_t)(4 * h * w) * (size_t)(h * w); /* (h, w) */
    const float *near_row = plane + near_of(r) * w, *far_row = plane + far_of(r, h) * w;
    const int near_column = near_of(s), far_column = far_of(s, w);
    y[i] = 0.75f * (0.75f * near_row[near_column] + 0.25f * near_row[far_column]) +
           0.25f * (0.75f * far_row[near_column] + 0.25f * far_row[far_column]);
  }
}

cudaError_t
cbigan_cuda_launch_upsample(int planes, int h, int w, const float *x, float *y, cudaStream_t stream)
{
  const size_t n_floats = (size_t)planes * 4 * (size_t)h * (size_t)w;
  return CBIGAN_LAUNCH(upsample, blocks_for(n_floats), stream, n_floats, h, w, x, y);
}
