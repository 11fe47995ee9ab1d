/* adam.cu - the optimiser, and the running average of the weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In float 1 - beta is exact for beta >= 0.5, and correctly rounded below that, so no double is needed.
 */
#include "backend/cuda/kernels/launch.cuh"
#include "kernels.h"

/* Kingma & Ba 2015, algorithm 1 */
__global__ static void
adam(size_t n_floats, const CbiganUpdate *update, float *gradients, float *m, float *v, float *parameters)
{
  const float beta1 = update->beta1, beta2 = update->beta2, rest1 = 1.0f - beta1, rest2 = 1.0f - beta2;
  const float scale = update->scale, root = update->root, epsilon = update->epsilon;
  CBIGAN_EACH (i, n_floats) {
    const float g = gradients[i];
    m[i] = beta1 * m[i] + rest1 * g;
    v[i] = beta2 * v[i] + rest2 * g * g;
    parameters[i] -= scale * m[i] / (sqrtf(v[i]) * root + epsilon);
    gradients[i] = 0.0f;
  }
}

__global__ static void
average(size_t n_floats, const CbiganUpdate *update, const float *x, float *mean)
{
  const float decay = update->decay, rest = 1.0f - decay;
  CBIGAN_EACH (i, n_floats)
    mean[i] = decay * mean[i] + rest * x[i];
}

cudaError_t
cbigan_grad_cuda_launch_adam(size_t n_floats, const CbiganUpdate *update, float *gradients, float *m, float *v,
                             float *parameters, cudaStream_t stream)
{
  return CBIGAN_LAUNCH(adam, blocks_for(n_floats), stream, n_floats, update, gradients, m, v, parameters);
}

cudaError_t
cbigan_grad_cuda_launch_average(size_t n_floats, const CbiganUpdate *update, const float *x, float *mean,
                                cudaStream_t stream)
{
  return CBIGAN_LAUNCH(average, blocks_for(n_floats), stream, n_floats, update, x, mean);
}
