/* reduce.cuh - sums with the same bits every time
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A Term is a struct with double operator()(size_t group, size_t i), which returns number i of a group. Atomic
 * additions would have no fixed order, so each block adds its own numbers and writes one partial sum per part of a
 * group.
 */
#pragma once
#include "launch.cuh"

/* Adds up one number per thread of a block; thread 0 has the result. */
template <typename Number>
__device__ static inline Number
block_sum(Number sum, Number *shared /* [CBIGAN_THREADS] */)
{
  shared[threadIdx.x] = sum;
  __syncthreads();
  for (int half = CBIGAN_THREADS / 2; half > 0; half /= 2) {
    if ((int)threadIdx.x < half)
      shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  return shared[0];
}

/* grid (groups, parts) -> partial (groups, parts) */
template <typename Term>
__global__ void
reduce(Term term, size_t count, double *partial)
{
  __shared__ double shared[CBIGAN_THREADS];
  double sum = 0;
  for (size_t i = (size_t)blockIdx.y * CBIGAN_THREADS + threadIdx.x; i < count; i += (size_t)gridDim.y * CBIGAN_THREADS)
    sum += term(blockIdx.x, i);
  sum = block_sum(sum, shared);
  if (threadIdx.x == 0)
    partial[(size_t)blockIdx.x * gridDim.y + blockIdx.y] = sum;
}

template <typename Term>
static inline cudaError_t
launch_reduce(Term term, size_t groups, size_t count, double *partial, cudaStream_t stream)
{
  const dim3 grid((unsigned)groups, (unsigned)cbigan_cuda_parts(count));
  return CBIGAN_LAUNCH(reduce<Term>, grid, stream, term, count, partial);
}
