/* avgpool.cu - gradient of 2x2 average pooling
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/kernels/launch.cuh"
#include "kernels.h"

/* Pooling drops an odd last row or column, so its gradient is 0. */
__global__ static void
avgpool_data(size_t n_floats, int h, int w, const float *dy, int accumulate, float *dx)
{
  const int out_h = h / 2, out_w = w / 2;
  CBIGAN_EACH (i, n_floats) {
    const int s = (int)(i % (size_t)w) / 2, r = (int)(i / (size_t)w % (size_t)h) / 2;
    const float *plane = dy + i / (size_t)(h * w) * (size_t)(out_h * out_w); /* (h / 2, w / 2) */
    const float old = accumulate ? dx[i] : 0.0f;
    dx[i] = r < out_h && s < out_w ? old + 0.25f * plane[r * out_w + s] : old;
  }
}

cudaError_t
cbigan_grad_cuda_launch_avgpool_data(int planes, int h, int w, const float *dy, int accumulate, float *dx,
                                     cudaStream_t stream)
{
  const size_t n_floats = (size_t)planes * (size_t)h * (size_t)w;
  return CBIGAN_LAUNCH(avgpool_data, blocks_for(n_floats), stream, n_floats, h, w, dy, accumulate, dx);
}
