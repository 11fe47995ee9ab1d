/* bias.cu - gradient of a bias
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/kernels/reduce.cuh"
#include "kernels.h"

struct OneChannel {
  const float *dy; /* (n, channels, positions) */
  size_t channels, positions;
  __device__ double
  operator()(size_t channel, size_t i) const
  {
    return (double)dy[(i / positions * channels + channel) * positions + i % positions];
  }
};

__global__ static void
add_parts(size_t channels, int parts, const double *partial, float *gradients)
{
  CBIGAN_EACH (c, channels) {
    double sum = (double)gradients[c];
    for (int k = 0; k < parts; k++)
      sum += partial[c * (size_t)parts + (size_t)k];
    gradients[c] = (float)sum;
  }
}

cudaError_t
cbigan_grad_cuda_launch_bias(int n, int channels, int positions, const float *dy, double *partial, float *gradients,
                             cudaStream_t stream)
{
  const OneChannel term = { dy, (size_t)channels, (size_t)positions };
  const size_t count = (size_t)n * (size_t)positions;
  const cudaError_t status = launch_reduce(term, (size_t)channels, count, partial, stream);
  if (status != cudaSuccess)
    return status;
  return CBIGAN_LAUNCH(add_parts, blocks_for((size_t)channels), stream, (size_t)channels, cbigan_cuda_parts(count),
                       partial, gradients);
}
