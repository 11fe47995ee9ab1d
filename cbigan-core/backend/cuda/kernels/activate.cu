/* activate.cu - bias and activation of one layer, in place
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "activate.cuh"

__global__ static void
activate(size_t n_floats, int channels, int positions, const float *bias, CbiganCudaActivation activation, float *y)
{
  CBIGAN_EACH (i, n_floats) {
    const float b = bias ? bias[i / (size_t)positions % (size_t)channels] : 0.0f;
    y[i] = activated(activation, y[i] + b);
  }
}

cudaError_t
cbigan_cuda_launch_activate(size_t n_floats, int channels, int positions, const float *bias,
                            CbiganCudaActivation activation, float *y, cudaStream_t stream)
{
  return CBIGAN_LAUNCH(activate, blocks_for(n_floats), stream, n_floats, channels, positions, bias, activation, y);
}
