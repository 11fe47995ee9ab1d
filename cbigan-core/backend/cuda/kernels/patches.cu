/* patches.cu - patches of an 8-bit frame as numbers in [-1, 1]
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "launch.cuh"

__global__ static void
patches(size_t n_floats, int side, const int *corners, const unsigned char *pixels, size_t stride, float gain,
        float shift, float *x)
{
  const size_t plane = (size_t)side * (size_t)side;
  CBIGAN_EACH (i, n_floats) {
    const size_t s = i % (size_t)side, r = i % plane / (size_t)side, c = i / plane % 3, n = i / (plane * 3);
    const unsigned char pixel =
        pixels[((size_t)corners[2 * n + 1] + r) * stride + ((size_t)corners[2 * n] + s) * 3 + c];
    x[i] = gain * ((float)pixel / 127.5f - 1.0f) + shift;
  }
}

cudaError_t
cbigan_cuda_launch_patches(int n, int side, const int *corners, const unsigned char *pixels, size_t stride, float gain,
                           float shift, float *x, cudaStream_t stream)
{
  const size_t n_floats = (size_t)n * 3 * (size_t)side * (size_t)side;
  return CBIGAN_LAUNCH(patches, blocks_for(n_floats), stream, n_floats, side, corners, pixels, stride, gain, shift, x);
}
