/* dense.cu - gradients of the dense layer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Neighbouring threads have neighbouring inputs, so they read a row of the matrix together. A thread uses each number
 * that it reads for TILE samples or outputs.
 */
#include "backend/cuda/kernels/launch.cuh"
#include "kernels.h"

#define TILE 8

/* grid (in / CBIGAN_THREADS, n / TILE): dx[n][i] = sum over o of w[o][i] * dy[n][o] */
__global__ static void
dense_data(int n, int in, int out, const float *w, size_t stride, const float *dy, int accumulate, float *dx)
{
  const int i = (int)(blockIdx.x * CBIGAN_THREADS + threadIdx.x), first = (int)blockIdx.y * TILE;
  const int samples = min(TILE, n - first);
  if (i >= in)
    return;
  float sums[TILE] = { 0 };
  for (int o = 0; o < out; o++) {
    const float weight = w[(size_t)o * stride + (size_t)i];
#pragma unroll
    for (int s = 0; s < TILE; s++) /* beyond the last sample: the last one again, unused */
      sums[s] += weight * dy[(size_t)(first + min(s, samples - 1)) * (size_t)out + (size_t)o];
  }
#pragma unroll
  for (int s = 0; s < TILE; s++)
    if (s < samples) {
      float *to = dx + (size_t)(first + s) * (size_t)in + (size_t)i;
      *to = sums[s] + (accumulate ? *to : 0.0f);
    }
}

/* grid (in / CBIGAN_THREADS, out / TILE): dw[o][i] += sum over n of dy[n][o] * x[n][i] */
__global__ static void
dense_weights(int n, int in, int out, const float *x, const float *dy, size_t stride, float *gradients)
{
  const int i = (int)(blockIdx.x * CBIGAN_THREADS + threadIdx.x), first = (int)blockIdx.y * TILE;
  const int outputs = min(TILE, out - first);
  if (i >= in)
    return;
  float sums[TILE] = { 0 };
  for (int s = 0; s < n; s++) {
    const float value = x[(size_t)s * (size_t)in + (size_t)i];
#pragma unroll
    for (int o = 0; o < TILE; o++)
      sums[o] += dy[(size_t)s * (size_t)out + (size_t)(first + min(o, outputs - 1))] * value;
  }
#pragma unroll
  for (int o = 0; o < TILE; o++)
    if (o < outputs)
      gradients[(size_t)(first + o) * stride + (size_t)i] += sums[o];
}

static dim3
grid_of(int in, int others)
{
  return dim3((unsigned)((in + CBIGAN_THREADS - 1) / CBIGAN_THREADS), (unsigned)((others + TILE - 1) / TILE));
}

cudaError_t
cbigan_grad_cuda_launch_dense_data(int n, int in, int out, const float *w, size_t stride, const float *dy,
                                   int accumulate, float *dx, cudaStream_t stream)
{
  return CBIGAN_LAUNCH(dense_data, grid_of(in, n), stream, n, in, out, w, stride, dy, accumulate, dx);
}

cudaError_t
cbigan_grad_cuda_launch_dense_weights(int n, int in, int out, const float *x, const float *dy, size_t stride,
                                      float *gradients, cudaStream_t stream)
{
  return CBIGAN_LAUNCH(dense_weights, grid_of(in, out), stream, n, in, out, x, dy, stride, gradients);
}
