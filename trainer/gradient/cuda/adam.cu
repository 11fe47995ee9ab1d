/* adam.cu - the optimiser and the averaged weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/launch.cuh"
#include "gradient/cuda/kernels.h"

/* Kingma & Ba 2015, algorithm 1 */
__global__ static void
adam(size_t n_floats, CbiganCudaAdam a, float *gradients, float *m, float *v, float *parameters)
{
  CBIGAN_EACH (i, n_floats) {
    const float g = gradients[i];
    m[i] = a.beta1 * m[i] + a.rest1 * g;
    v[i] = a.beta2 * v[i] + a.rest2 * g * g;
    parameters[i] -= a.scale * m[i] / (sqrtf(v[i]) * a.root + a.epsilon);
    gradients[i] = 0.0f;
  }
}

__global__ static void
average(size_t n_floats, float decay, float rest, const float *x, float *mean)
{
  CBIGAN_EACH (i, n_floats)
    mean[i] = decay * mean[i] + rest * x[i];
}

cudaError_t
cbigan_cuda_launch_adam(size_t n_floats, CbiganCudaAdam a, float *gradients, float *m, float *v, float *parameters,
                        cudaStream_t stream)
{
  return CBIGAN_LAUNCH(adam, blocks_for(n_floats), stream, n_floats, a, gradients, m, v, parameters);
}

cudaError_t
cbigan_cuda_launch_average(size_t n_floats, float decay, float rest, const float *x, float *mean, cudaStream_t stream)
{
  return CBIGAN_LAUNCH(average, blocks_for(n_floats), stream, n_floats, decay, rest, x, mean);
}
