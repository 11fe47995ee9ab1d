/* l1.cu - the sum of absolute differences per sample (Eq. 9, 11)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reduce.cuh"

struct AbsoluteDifference {
  const float *a, *b; /* (n, size) */
  size_t size;
  float *difference; /* or NULL */
  __device__ double
  operator()(size_t sample, size_t i) const
  {
    const size_t at = sample * size + i;
    if (difference)
      difference[at] = a[at] - b[at];
    return fabs((double)a[at] - (double)b[at]);
  }
};

int
cbigan_cuda_parts(size_t count)
{
  const size_t each = 16 * CBIGAN_THREADS, parts = (count + each - 1) / each;
  return (int)(parts < 64 ? parts : 64);
}

cudaError_t
cbigan_cuda_launch_l1(int n, size_t size, const float *a, const float *b, float *difference, double *partial,
                      cudaStream_t stream)
{
  const AbsoluteDifference term = { a, b, size, difference };
  return launch_reduce(term, (size_t)n, size, partial, stream);
}
