/* dense.cu - matrix times the flattened sample
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The matrix is what has to come from memory, so a block reads a row of it once for several samples.
 */
#include "backend/cuda/activate.cuh"
#include "backend/cuda/reduce.cuh"

#define SAMPLES 8 /* of one block */

/* grid (out, samples / SAMPLES) */
__global__ static void
dense(int n, int in, const float *x, const float *w, size_t stride, const float *bias, CbiganCudaActivation activation,
      int accumulate, float *y)
{
  __shared__ float shared[CBIGAN_THREADS];
  const int o = (int)blockIdx.x, first = (int)blockIdx.y * SAMPLES, samples = min(SAMPLES, n - first);
  const float *row = w + (size_t)o * stride; /* (in) */
  float sums[SAMPLES] = { 0 };
  for (int i = (int)threadIdx.x; i < in; i += CBIGAN_THREADS) {
    const float weight = row[i];
#pragma unroll
    for (int s = 0; s < SAMPLES; s++) /* behind the last sample the last again, for nothing */
      sums[s] += weight * x[(size_t)(first + min(s, samples - 1)) * (size_t)in + (size_t)i];
  }
#pragma unroll
  for (int s = 0; s < SAMPLES; s++) {
    const float sum = block_sum(sums[s], shared);
    if (threadIdx.x == 0 && s < samples) {
      float *to = y + (size_t)(first + s) * gridDim.x + o;
      *to = activated(activation, sum + (bias ? bias[o] : 0.0f) + (accumulate ? *to : 0.0f));
    }
    __syncthreads(); /* before the next sum overwrites shared */
  }
}

cudaError_t
cbigan_cuda_launch_dense(int n, int in, int out, const float *x, const float *w, size_t stride, const float *bias,
                         CbiganCudaActivation activation, int accumulate, float *y, cudaStream_t stream)
{
  const dim3 grid((unsigned)out, (unsigned)((n + SAMPLES - 1) / SAMPLES));
  return CBIGAN_LAUNCH(dense, grid, stream, n, in, x, w, stride, bias, activation, accumulate, y);
}
