/* frame_upload.cu - frames of bytes: the correction of their light, and their patches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "launch.cuh"

#define BINS 256 /* one per thread */
static_assert(BINS == CBIGAN_THREADS, "a thread for each bin");

/* grid (blocks, n); integer counts have the same result in any order */
__global__ static void
count_bytes(int w, int h, const CbiganCudaFrame *frames, unsigned *histograms)
{
  __shared__ unsigned counts[BINS];
  const CbiganCudaFrame frame = frames[blockIdx.y];
  const size_t row = 3 * (size_t)w, n = row * (size_t)h;
  counts[threadIdx.x] = 0;
  __syncthreads();
  CBIGAN_EACH (i, n)
    atomicAdd(&counts[frame.pixels[i / row * frame.stride + i % row]], 1u);
  __syncthreads();
  if (counts[threadIdx.x])
    atomicAdd(&histograms[(size_t)blockIdx.y * BINS + threadIdx.x], counts[threadIdx.x]);
}

/* The same operations as cbigan_light_quantile(): __dmul_rn() is never fused into a multiply-add. */
__device__ static double
quantile(const unsigned *histogram, double share)
{
  double n = 0.0, before = 0.0;
  int v = 0;
  for (int i = 0; i < BINS; i++)
    n += (double)histogram[i];
  const double wanted = __dmul_rn(share, n);
  while (v < BINS - 1 && before + (double)histogram[v] <= wanted)
    before += (double)histogram[v++];
  const double value = v - 0.5 + (histogram[v] ? (wanted - before) / (double)histogram[v] : 0.0);
  return (value < 0.0 ? 0.0 : value > 255.0 ? 255.0 : value) / 127.5 - 1.0;
}

/* The same operations as cbigan_light_compensation(), from a histogram; found (n, 2): gain, shift */
__global__ static void
compensate(size_t n, const unsigned *histograms, CbiganCudaLight light, float *found)
{
  CBIGAN_EACH (i, n) {
    const double its_low = quantile(histograms + i * BINS, light.low_share);
    const double its_median = quantile(histograms + i * BINS, light.median_share);
    const double contrast = its_median - its_low > 1e-6 ? its_median - its_low : 1e-6;
    const double wanted = (light.median - light.low) / contrast;
    const double gain = wanted < 3.0 / 4.0 ? 3.0 / 4.0 : wanted > 4.0 / 3.0 ? 4.0 / 3.0 : wanted;
    found[2 * i] = (float)gain;
    found[2 * i + 1] = (float)(light.median - __dmul_rn(gain, its_median));
  }
}

/* light: NULL = gain 1, shift 0 */
__global__ static void
crop(size_t n_floats, int side, int first, int columns, const float *across, const float *down,
     const CbiganCudaFrame *frame, const float *light, float *x)
{
  const size_t plane = (size_t)side * (size_t)side;
  const float gain = light ? light[0] : 1.0f, shift = light ? light[1] : 0.0f;
  CBIGAN_EACH (i, n_floats) {
    const int patch = first + (int)(i / (plane * 3));
    const size_t s = i % (size_t)side + (size_t)across[patch % columns];
    const size_t r = i % plane / (size_t)side + (size_t)down[patch / columns];
    const unsigned char pixel = frame->pixels[r * frame->stride + s * 3 + i / plane % 3];
    x[i] = gain * ((float)pixel / 127.5f - 1.0f) + shift;
  }
}

cudaError_t
cbigan_cuda_launch_light(int n, int w, int h, const CbiganCudaFrame *frames, CbiganCudaLight light,
                         unsigned *histograms, float *found, cudaStream_t stream)
{
  const size_t bytes = 3 * (size_t)w * (size_t)h, each = 64 * CBIGAN_THREADS, most = 256;
  const size_t blocks = (bytes + each - 1) / each;
  const dim3 grid((unsigned)(blocks < most ? blocks : most), (unsigned)n);
  cudaError_t status = cudaMemsetAsync(histograms, 0, (size_t)n * BINS * sizeof *histograms, stream);
  if (status == cudaSuccess)
    status = CBIGAN_LAUNCH(count_bytes, grid, stream, w, h, frames, histograms);
  return status ? status
                : CBIGAN_LAUNCH(compensate, blocks_for((size_t)n), stream, (size_t)n, histograms, light, found);
}

cudaError_t
cbigan_cuda_launch_crop(int n, int side, int first, int columns, const float *across, const float *down,
                        const CbiganCudaFrame *frame, const float *light, float *x, cudaStream_t stream)
{
  const size_t n_floats = (size_t)n * 3 * (size_t)side * (size_t)side;
  return CBIGAN_LAUNCH(crop, blocks_for(n_floats), stream, n_floats, side, first, columns, across, down, frame, light,
                       x);
}
