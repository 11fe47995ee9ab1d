/* cut.cu - cuts rotated patches out of pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * It repeats the operations of trainer/data/augment.c one by one, and meson.build compiles it without fused
 * multiply-add. The bits are therefore the host's, and a run does not depend on where its patches are cut.
 */
#include "backend/cuda/kernels/launch.cuh"
#include "kernels.h"

__device__ static inline void
cubic_weights(float t, float weights[4])
{
  const float u = 1.0f - t;
  weights[0] = -0.5f * t * u * u;
  weights[1] = 1.0f + t * t * (1.5f * t - 2.5f);
  weights[2] = 1.0f + u * u * (1.5f * u - 2.5f);
  weights[3] = -0.5f * u * t * t;
}

/* rgb: the three channels at column u, row v */
__device__ static inline void
sample_at(CbiganGradCudaPicture picture, const unsigned char *pixels, double u, double v, float rgb[3])
{
  const int i = (int)floor(u), j = (int)floor(v);
  float across[4], down[4];
  int columns[4];
  cubic_weights((float)(u - i), across);
  cubic_weights((float)(v - j), down);
  for (int k = 0; k < 4; k++)
    columns[k] = min(max(i - 1 + k, 0), picture.width - 1) * 3;
  rgb[0] = rgb[1] = rgb[2] = 0.0f;
  for (int k = 0; k < 4; k++) {
    const int at = min(max(j - 1 + k, 0), picture.height - 1);
    const unsigned char *row = pixels + picture.offset + (size_t)at * (size_t)picture.width * 3;
    for (int c = 0; c < 3; c++)
      rgb[c] += down[k] * (across[0] * row[columns[0] + c] + across[1] * row[columns[1] + c] +
                           across[2] * row[columns[2] + c] + across[3] * row[columns[3] + c]);
  }
}

__global__ static void
cut(size_t n_pixels, int side, const CbiganGradCudaPicture *pictures, const unsigned char *pixels,
    const CbiganCut *cuts, float *x)
{
  const size_t plane = (size_t)side * (size_t)side;
  const double half = 0.5 * (side - 1);
  CBIGAN_EACH (i, n_pixels) {
    const CbiganCut cut = cuts[i / plane];
    const double across = (int)(i % (size_t)side) - half, down = (int)(i % plane / (size_t)side) - half;
    float rgb[3];
    sample_at(pictures[cut.picture], pixels, cut.left + half + cut.cosine * across - cut.sine * down,
              cut.top + half + cut.sine * across + cut.cosine * down, rgb);
    for (size_t c = 0; c < 3; c++) {
      const float value = rgb[c] > 255.0f ? 255.0f : rgb[c] < 0.0f ? 0.0f : rgb[c];
      x[(i / plane * 3 + c) * plane + i % plane] = value / 127.5f - 1.0f;
    }
  }
}

cudaError_t
cbigan_grad_cuda_launch_cut(int n, int side, const CbiganGradCudaPicture *pictures, const unsigned char *pixels,
                            const CbiganCut *cuts, float *x, cudaStream_t stream)
{
  const size_t n_pixels = (size_t)n * (size_t)side * (size_t)side;
  return CBIGAN_LAUNCH(cut, blocks_for(n_pixels), stream, n_pixels, side, pictures, pixels, cuts, x);
}
