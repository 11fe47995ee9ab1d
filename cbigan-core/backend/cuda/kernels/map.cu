/* map.cu - a frame's map: puts the differences of its patches together, filters them, compares with good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A window is added up number by number, rows first. These are some dozens of numbers from the cache. A running sum
 * would be cheaper, but its error grows along the row, and threads would depend on each other.
 */
#include "launch.cuh"

/* d (rows * columns, 3, side, side) -> frame (3, h, w): the mean of the patches that cover a pixel. across (columns),
 * down (rows): left and upper sides of the patches */
__global__ static void
mosaic(size_t n_floats, int h, int w, int side, int columns, int rows, const float *across, const float *down,
       const float *d, float *frame)
{
  CBIGAN_EACH (i, n_floats) {
    const int x = (int)(i % (size_t)w), y = (int)(i / (size_t)w % (size_t)h);
    const size_t channel = i / ((size_t)w * (size_t)h), plane = (size_t)side * (size_t)side;
    float sum = 0.0f;
    int n = 0;
    for (int row = 0; row < rows; row++) {
      const int within = y - (int)down[row];
      for (int column = 0; within >= 0 && within < side && column < columns; column++) {
        const int along = x - (int)across[column];
        if (along < 0 || along >= side)
          continue;
        const size_t patch = (size_t)row * (size_t)columns + (size_t)column;
        sum += d[(patch * 3 + channel) * plane + (size_t)(within * side + along)];
        n++;
      }
    }
    frame[i] = sum / (float)n;
  }
}

/* sums: x (h, w) summed along its rows over 2 radius + 1 numbers, cut at the border */
__global__ static void
sum_rows(size_t n_floats, int w, int radius, const float *x, float *sums)
{
  CBIGAN_EACH (i, n_floats) {
    const int at = (int)(i % (size_t)w);
    const float *row = x + (i - (size_t)at);
    float sum = 0.0f;
    for (int k = max(at - radius, 0); k <= min(at + radius, w - 1); k++)
      sum += row[k];
    sums[i] = sum;
  }
}

/* frame, sums (3, h, w) -> map (h, w): |x - mean of the window|, summed over channels; radius 0: |x| */
__global__ static void
high_pass(size_t pixels, int h, int w, int radius, const float *frame, const float *sums, float *map)
{
  CBIGAN_EACH (i, pixels) {
    const int x = (int)(i % (size_t)w), y = (int)(i / (size_t)w);
    const int top = max(y - radius, 0), bottom = min(y + radius, h - 1);
    const int n = (min(x + radius, w - 1) - max(x - radius, 0) + 1) * (bottom - top + 1);
    float value = 0.0f;
    for (size_t channel = 0; channel < 3; channel++) {
      const float *column = sums + channel * pixels + (size_t)x;
      float sum = 0.0f;
      for (int k = top; radius && k <= bottom; k++)
        sum += column[(size_t)k * (size_t)w];
      value += fabsf(frame[channel * pixels + i] - sum / (float)n);
    }
    map[i] = value;
  }
}

/* Blurs along one axis of x (h, w), borders repeated; the axis has `length` numbers, `pitch` apart. */
__global__ static void
blur(size_t pixels, int length, int pitch, const CbiganCudaBlur weights, const float *x, float *to)
{
  CBIGAN_EACH (i, pixels) {
    const int at = (int)(i / (size_t)pitch % (size_t)length);
    const float *line = x + (i - (size_t)at * (size_t)pitch);
    float sum = 0.0f;
    for (int k = -weights.radius; k <= weights.radius; k++)
      sum += weights.kernel[k + weights.radius] * line[(size_t)min(max(at + k, 0), length - 1) * (size_t)pitch];
    to[i] = sum;
  }
}

cudaError_t
cbigan_cuda_launch_mosaic(int h, int w, int side, int columns, int rows, const float *across, const float *down,
                          const float *d, float *frame, cudaStream_t stream)
{
  const size_t n_floats = 3 * (size_t)h * (size_t)w;
  return CBIGAN_LAUNCH(mosaic, blocks_for(n_floats), stream, n_floats, h, w, side, columns, rows, across, down, d,
                       frame);
}

cudaError_t
cbigan_cuda_launch_high_pass(int h, int w, int radius, const float *frame, float *sums, float *map, cudaStream_t stream)
{
  const size_t pixels = (size_t)h * (size_t)w;
  const cudaError_t status =
      radius ? CBIGAN_LAUNCH(sum_rows, blocks_for(3 * pixels), stream, 3 * pixels, w, radius, frame, sums)
             : cudaSuccess;
  return status ? status : CBIGAN_LAUNCH(high_pass, blocks_for(pixels), stream, pixels, h, w, radius, frame, sums, map);
}

cudaError_t
cbigan_cuda_launch_blur(int h, int w, CbiganCudaBlur weights, const float *x, float *scratch, float *to,
                        cudaStream_t stream)
{
  const size_t pixels = (size_t)h * (size_t)w;
  const cudaError_t status = CBIGAN_LAUNCH(blur, blocks_for(pixels), stream, pixels, h, w, weights, x, scratch);
  return status ? status : CBIGAN_LAUNCH(blur, blocks_for(pixels), stream, pixels, w, 1, weights, scratch, to);
}

__global__ static void
subtract(size_t n_floats, const float *a, const float *b, float *difference)
{
  CBIGAN_EACH (i, n_floats)
    difference[i] = a[i] - b[i];
}

cudaError_t
cbigan_cuda_launch_subtract(size_t n_floats, const float *a, const float *b, float *difference, cudaStream_t stream)
{
  return CBIGAN_LAUNCH(subtract, blocks_for(n_floats), stream, n_floats, a, b, difference);
}

__global__ static void
deviations(size_t n_floats, const float *mean, const float *deviation, int step, float floor, float *x)
{
  CBIGAN_EACH (i, n_floats) {
    const size_t k = i * (size_t)step;
    const float z = (x[i] - mean[k]) / (deviation[k] + floor);
    x[i] = z < 0.0f ? 0.0f : z;
  }
}

cudaError_t
cbigan_cuda_launch_deviations(size_t n_floats, const float *mean, const float *deviation, int step, float floor,
                              float *x, cudaStream_t stream)
{
  return CBIGAN_LAUNCH(deviations, blocks_for(n_floats), stream, n_floats, mean, deviation, step, floor, x);
}

/* The larger number, or NaN if one of them is NaN */
__device__ static inline float
larger(float a, float b)
{
  return a != a || a > b ? a : b;
}

/* grid (parts, groups); x (groups, n_floats). x + (x - x) turns an infinity into NaN. */
__global__ static void
peak(size_t n_floats, const float *x, float *partial)
{
  x += (size_t)blockIdx.y * n_floats;
  __shared__ float shared[CBIGAN_THREADS];
  float most = -3.402823466e38f;
  CBIGAN_EACH (i, n_floats)
    most = larger(most, x[i] + (x[i] - x[i]));
  shared[threadIdx.x] = most;
  __syncthreads();
  for (int half = CBIGAN_THREADS / 2; half > 0; half /= 2) {
    if ((int)threadIdx.x < half)
      shared[threadIdx.x] = larger(shared[threadIdx.x], shared[threadIdx.x + half]);
    __syncthreads();
  }
  if (threadIdx.x == 0)
    partial[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = shared[0];
}

cudaError_t
cbigan_cuda_launch_peak(int groups, size_t n_floats, const float *x, float *partial, cudaStream_t stream)
{
  const dim3 grid((unsigned)cbigan_cuda_parts(n_floats), (unsigned)groups);
  return CBIGAN_LAUNCH(peak, grid, stream, n_floats, x, partial);
}
