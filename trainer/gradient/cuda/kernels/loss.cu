/* loss.cu - the losses, their gradients, and vector operations of a step
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/kernels/reduce.cuh"
#include "kernels.h"

/* The derivative of |a - b| is the sign of a - b: 0 if they are equal or one of them is NaN. */
__global__ static void
l1_gradient(size_t n_floats, const float *a, const float *b, float scale, float *da)
{
  CBIGAN_EACH (i, n_floats)
    da[i] += a[i] > b[i] ? scale : a[i] < b[i] ? -scale : 0.0f;
}

__global__ static void
fill(size_t n_floats, float value, float *x)
{
  CBIGAN_EACH (i, n_floats)
    x[i] = value;
}

__global__ static void
add_rows(size_t n_floats, size_t size, const float *x, size_t stride, float *y)
{
  CBIGAN_EACH (i, n_floats)
    y[i / size * stride + i % size] += x[i];
}

__global__ static void
mix(size_t n_floats, size_t size, const float *e, const float *a, const float *b, float *out)
{
  CBIGAN_EACH (i, n_floats) {
    const float share = e[i / size];
    out[i] = share * a[i] + (1.0f - share) * b[i];
  }
}

__global__ static void
scale(size_t n_floats, size_t size, const float *e, const float *x, float *out)
{
  CBIGAN_EACH (i, n_floats)
    out[i] = e[i / size] * x[i];
}

__global__ static void
add_parts(size_t n, int parts, const double *partial, int accumulate, double *sums)
{
  CBIGAN_EACH (i, n) {
    double sum = accumulate ? sums[i] : 0.0;
    for (int k = 0; k < parts; k++)
      sum += partial[i * (size_t)parts + (size_t)k];
    sums[i] = sum;
  }
}

__global__ static void
penalty(size_t n, double weight, const double *squares, float *directions)
{
  CBIGAN_EACH (i, n) {
    const double norm = sqrt(squares[i]);
    directions[i] = norm > 0.0 ? (float)(2.0 * weight * (norm - 1.0) / ((double)n * norm)) : 0.0f;
  }
}

struct Square {
  const float *x; /* (n, size) */
  size_t size;
  __device__ double
  operator()(size_t sample, size_t i) const
  {
    const double v = (double)x[sample * size + i];
    return v * v;
  }
};

cudaError_t
cbigan_grad_cuda_launch_l1_gradient(size_t n_floats, const float *a, const float *b, float scale, float *da,
                                    cudaStream_t stream)
{
  return CBIGAN_LAUNCH(l1_gradient, blocks_for(n_floats), stream, n_floats, a, b, scale, da);
}

cudaError_t
cbigan_grad_cuda_launch_fill(size_t n_floats, float value, float *x, cudaStream_t stream)
{
  return CBIGAN_LAUNCH(fill, blocks_for(n_floats), stream, n_floats, value, x);
}

cudaError_t
cbigan_grad_cuda_launch_add_rows(int rows, size_t size, const float *x, size_t stride, float *y, cudaStream_t stream)
{
  const size_t n_floats = (size_t)rows * size;
  return CBIGAN_LAUNCH(add_rows, blocks_for(n_floats), stream, n_floats, size, x, stride, y);
}

cudaError_t
cbigan_grad_cuda_launch_mix(int n, size_t size, const float *e, const float *a, const float *b, float *out,
                            cudaStream_t stream)
{
  const size_t n_floats = (size_t)n * size;
  return CBIGAN_LAUNCH(mix, blocks_for(n_floats), stream, n_floats, size, e, a, b, out);
}

cudaError_t
cbigan_grad_cuda_launch_scale(int n, size_t size, const float *e, const float *x, float *out, cudaStream_t stream)
{
  const size_t n_floats = (size_t)n * size;
  return CBIGAN_LAUNCH(scale, blocks_for(n_floats), stream, n_floats, size, e, x, out);
}

cudaError_t
cbigan_grad_cuda_launch_square_norms(int n, size_t size, const float *x, double *partial, double *squares,
                                     cudaStream_t stream)
{
  const Square term = { x, size };
  const cudaError_t status = launch_reduce(term, (size_t)n, size, partial, stream);
  if (status != cudaSuccess)
    return status;
  return CBIGAN_LAUNCH(add_parts, blocks_for((size_t)n), stream, (size_t)n, cbigan_cuda_parts(size), partial, 1,
                       squares);
}

cudaError_t
cbigan_grad_cuda_launch_penalty(int n, double weight, const double *squares, float *directions, cudaStream_t stream)
{
  return CBIGAN_LAUNCH(penalty, blocks_for((size_t)n), stream, (size_t)n, weight, squares, directions);
}

cudaError_t
cbigan_grad_cuda_launch_l1_sums(int n, size_t size, const float *a, const float *b, double *partial, double *sums,
                                cudaStream_t stream)
{
  const cudaError_t status = cbigan_cuda_launch_l1(n, size, a, b, NULL, partial, stream);
  if (status != cudaSuccess)
    return status;
  return CBIGAN_LAUNCH(add_parts, blocks_for((size_t)n), stream, (size_t)n, cbigan_cuda_parts(size), partial, 0, sums);
}
