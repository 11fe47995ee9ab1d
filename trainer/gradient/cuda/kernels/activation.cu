/* activation.cu - gradients of the activations, from their output
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/kernels/launch.cuh"
#include "kernels.h"

/* LeakyReLU keeps the sign, so y > 0 exactly where its input was. */
__global__ static void
activation_gradient(size_t n_floats, CbiganCudaActivation activation, const float *y, float *dy)
{
  CBIGAN_EACH (i, n_floats)
    dy[i] *= activation.tanh ? 1.0f - y[i] * y[i] : y[i] > 0.0f ? 1.0f : activation.slope;
}

cudaError_t
cbigan_grad_cuda_launch_activation_gradient(size_t n_floats, CbiganCudaActivation activation, const float *y, float *dy,
                                            cudaStream_t stream)
{
  return CBIGAN_LAUNCH(activation_gradient, blocks_for(n_floats), stream, n_floats, activation, y, dy);
}
