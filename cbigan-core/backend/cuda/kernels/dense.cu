/* dense.cu - a matrix times each flattened sample
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading the matrix from memory limits the speed, so a block reads a row of it once for several samples. SAMPLES x
 * LANES is CBIGAN_THREADS.
 */
#include "activate.cuh"

#define SAMPLES 8 /* per block */
#define LANES 32  /* threads that add up the partial sums of one sample */

/* grid (out, samples / SAMPLES) */
__global__ static void
dense(int n, int in, const float *x, const float *w, size_t stride, const float *bias, CbiganCudaActivation activation,
      int accumulate, float *y)
{
  __shared__ float by_thread[SAMPLES][CBIGAN_THREADS],
      by_lane[SAMPLES][LANES + 1]; /* + 1: rows begin in different banks */
  const int me = (int)threadIdx.x, o = (int)blockIdx.x, first = (int)blockIdx.y * SAMPLES;
  const int samples = min(SAMPLES, n - first);
  const float *row = w + (size_t)o * stride; /* (in) */
  float sums[SAMPLES] = { 0 };
  for (int i = me; i < in; i += CBIGAN_THREADS) {
    const float weight = row[i];
#pragma unroll
    for (int s = 0; s < SAMPLES; s++) /* beyond the last sample: the last one again, unused */
      sums[s] += weight * x[(size_t)(first + min(s, samples - 1)) * (size_t)in + (size_t)i];
  }
#pragma unroll
  for (int s = 0; s < SAMPLES; s++)
    by_thread[s][me] = sums[s];
  __syncthreads();
  float sum = 0.0f;
  for (int i = me % LANES; i < CBIGAN_THREADS; i += LANES)
    sum += by_thread[me / LANES][i];
  by_lane[me / LANES][me % LANES] = sum;
  __syncthreads();
  if (me >= samples)
    return;
  sum = bias ? bias[o] : 0.0f;
  for (int i = 0; i < LANES; i++)
    sum += by_lane[me][i];
  float *to = y + (size_t)(first + me) * gridDim.x + o;
  *to = activated(activation, sum + (accumulate ? *to : 0.0f));
}

cudaError_t
cbigan_cuda_launch_dense(int n, int in, int out, const float *x, const float *w, size_t stride, const float *bias,
                         CbiganCudaActivation activation, int accumulate, float *y, cudaStream_t stream)
{
  const dim3 grid((unsigned)out, (unsigned)((n + SAMPLES - 1) / SAMPLES));
  return CBIGAN_LAUNCH(dense, grid, stream, n, in, x, w, stride, bias, activation, accumulate, y);
}
