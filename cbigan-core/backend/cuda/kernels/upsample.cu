/* upsample.cu - bilinear, twice the size, half-pixel centres, edges clamped
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "upsample.cuh"

__global__ static void
upsample(size_t n_floats, int h, int w, const float *x, float *y)
{
  CBIGAN_EACH (i, n_floats) {
    const int s = (int)(i % (size_t)(2 * w)), r = (int)(i / (size_t)(2 * w) % (size_t)(2 * h));
    const float *plane = x + i / (size_t)(4 * h * w) * (size_t)(h * w); /* (h, w) */
    y[i] = upsampled([=](int row, int column) { return plane[row * w + column]; }, h, w, r, s);
  }
}

cudaError_t
cbigan_cuda_launch_upsample(int planes, int h, int w, const float *x, float *y, cudaStream_t stream)
{
  const size_t n_floats = (size_t)planes * 4 * (size_t)h * (size_t)w;
  return CBIGAN_LAUNCH(upsample, blocks_for(n_floats), stream, n_floats, h, w, x, y);
}
