/* avgpool.cu - the 2x2 mean with stride 2; an odd last row or column is dropped
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "launch.cuh"

__global__ static void
avgpool(size_t n_floats, int h, int w, const float *x, float *y)
{
  const int out_h = h / 2, out_w = w / 2;
  CBIGAN_EACH (i, n_floats) {
    const int s = (int)(i % (size_t)out_w), r = (int)(i / (size_t)out_w % (size_t)out_h);
    const float *p = x + i / (size_t)(out_h * out_w) * (size_t)(h * w) + 2 * r * w + 2 * s;
    y[i] = 0.25f * (p[0] + p[1] + p[w] + p[w + 1]);
  }
}

cudaError_t
cbigan_cuda_launch_avgpool(int planes, int h, int w, const float *x, float *y, cudaStream_t stream)
{
  const size_t n_floats = (size_t)planes * (size_t)(h / 2) * (size_t)(w / 2);
  return CBIGAN_LAUNCH(avgpool, blocks_for(n_floats), stream, n_floats, h, w, x, y);
}
