/* epilogue.cu - everything behind cuDNN's convolutions in one pass: sum with a skip, bias, activation, 2x2 mean
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "activate.cuh"
#include "upsample.cuh"

/* x (n, channels, h, w), skip (n, channels, h / 2, w / 2) or NULL -> y as x, or half as large where it is pooled. y may
 * be x where it is not pooled, as a thread reads no number that another one writes. */
__global__ static void
epilogue(size_t n_floats, int channels, int h, int w, const float *x, const float *skip, const float *bias,
         CbiganCudaActivation activation, int pools, float *y)
{
  const int out_h = pools ? h / 2 : h, out_w = pools ? w / 2 : w;
  CBIGAN_EACH (i, n_floats) {
    const int s = (int)(i % (size_t)out_w), r = (int)(i / (size_t)out_w % (size_t)out_h);
    const size_t map = i / (size_t)(out_h * out_w);
    const float *plane = x + map * (size_t)(h * w), *small = skip + (skip ? map * (size_t)(h / 2 * (w / 2)) : 0);
    const float b = bias ? bias[map % (size_t)channels] : 0.0f;
    auto number = [=](int row, int column) {
      const float other =
          skip ? upsampled([=](int a, int c) { return small[a * (w / 2) + c]; }, h / 2, w / 2, row, column) : 0.0f;
      return activated(activation, plane[row * w + column] + b + other);
    };
    y[i] = pools ? 0.25f * (number(2 * r, 2 * s) + number(2 * r, 2 * s + 1) + number(2 * r + 1, 2 * s) +
                            number(2 * r + 1, 2 * s + 1))
                 : number(r, s);
  }
}

cudaError_t
cbigan_cuda_launch_epilogue(int n, int channels, int h, int w, const float *x, const float *skip, const float *bias,
                            CbiganCudaActivation activation, int pools, float *y, cudaStream_t stream)
{
  const size_t n_floats = (size_t)n * (size_t)channels * (size_t)(pools ? h / 2 * (w / 2) : h * w);
  return CBIGAN_LAUNCH(epilogue, blocks_for(n_floats), stream, n_floats, channels, h, w, x, skip, bias, activation,
                       pools, y);
}
