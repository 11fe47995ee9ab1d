/* residual_block.cu - a residual block (networks.c) of few channels as one kernel
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A block of threads computes one tile of the output. The values between the convolutions stay in shared memory, so
 * global memory sees only the input and the output; where tiles meet, the first convolution is computed twice. A thread
 * computes 2x2 outputs of OUTS channels at a time: it reads 16 numbers for 36 * OUTS products. All threads of a warp
 * use the same weights, which come from the cache.
 */
#include "output_tile.cuh"

#define OUTS 4
#define ROOM 8192 /* floats of shared memory: 32 KiB */

/* A tile has the output's rows r0 to r0 + height - 1 and columns s0 to s0 + width - 1; all four are even. With a margin
 * of one on each side it begins at r0 - 1, s0 - 1. */
typedef CbiganCudaTile Tile;

/* Shared memory per channel, in floats: the first convolution's outputs with their margin, then the second's */
__host__ __device__ static inline int
tile_room(Tile tile)
{
  return (tile.height + 2) * (tile.width + 2) + tile.height * tile.width;
}

__device__ static inline void
add_taps(const float *weights /* (out_c, in_c * 9), from one input channel on */, int row, int outs,
         const float around[4][4], float sums[OUTS][QUAD])
{
#pragma unroll
  for (int o = 0; o < OUTS; o++)
#pragma unroll
    for (int tap = 0; tap < 9; tap++) {
      const float weight = o < outs ? weights[o * row + tap] : 0.0f;
#pragma unroll
      for (int p = 0; p < QUAD; p++)
        sums[o][p] += weight * around[tap / 3 + p / 2][tap % 3 + p % 2];
    }
}

/* x (in_c, h, w), half as large with UPSAMPLES -> t (out_c, height + 2, width + 2): the tile and its margin, zero
 * outside of the map */
template <bool UPSAMPLES>
__device__ static inline void
convolve_first(int in_c, int out_c, int h, int w, int r0, int s0, Tile tile, const float *x, const float *weights,
               CbiganCudaActivation activation, float *t)
{
  const int columns = (tile.width + 2) / 2, quads = (tile.height + 2) / 2 * columns, pitch = tile.width + 2;
  const size_t plane = UPSAMPLES ? (size_t)(h / 2) * (size_t)(w / 2) : (size_t)h * (size_t)w;
  for (int item = (int)threadIdx.x; item < quads * ((out_c + OUTS - 1) / OUTS); item += CBIGAN_THREADS) {
    const int first = item / quads * OUTS, outs = min(OUTS, out_c - first);
    const int row = item % quads / columns * 2, column = item % columns * 2;
    const int r = r0 - 1 + row, s = s0 - 1 + column;
    float sums[OUTS][QUAD] = {}, around[4][4];
    for (int i = 0; i < in_c; i++) {
      read_around_odd<UPSAMPLES>(x + (size_t)i * plane, h, w, r, s, around);
      add_taps(weights + (first * in_c + i) * 9, in_c * 9, outs, around, sums);
    }
#pragma unroll
    for (int o = 0; o < OUTS; o++)
#pragma unroll
      for (int p = 0; p < QUAD; p++) {
        const int at_r = r + p / 2, at_s = s + p % 2;
        const bool inside = at_r >= 0 && at_r < h && at_s >= 0 && at_s < w;
        if (o < outs)
          t[((first + o) * (tile.height + 2) + row + p / 2) * pitch + column + p % 2] =
              inside ? activated(activation, sums[o][p]) : 0.0f;
      }
  }
}

/* t (channels, height + 2, width + 2) -> u (channels, height, width) */
__device__ static inline void
convolve_second(int channels, Tile tile, const float *t, const float *weights, CbiganCudaActivation activation,
                float *u)
{
  const int columns = tile.width / 2, quads = tile.height / 2 * columns, pitch = tile.width + 2;
  for (int item = (int)threadIdx.x; item < quads * ((channels + OUTS - 1) / OUTS); item += CBIGAN_THREADS) {
    const int first = item / quads * OUTS, outs = min(OUTS, channels - first);
    const int row = item % quads / columns * 2, column = item % columns * 2;
    float sums[OUTS][QUAD] = {}, around[4][4];
    for (int i = 0; i < channels; i++) {
      const float *from = t + (i * (tile.height + 2) + row) * pitch + column;
#pragma unroll
      for (int j = 0; j < 16; j++)
        around[j / 4][j % 4] = from[j / 4 * pitch + j % 4];
      add_taps(weights + (first * channels + i) * 9, channels * 9, outs, around, sums);
    }
#pragma unroll
    for (int o = 0; o < OUTS; o++)
#pragma unroll
      for (int p = 0; p < QUAD; p++)
        if (o < outs)
          u[((first + o) * tile.height + row + p / 2) * tile.width + column + p % 2] =
              activated(activation, sums[o][p]);
  }
}

/* The 1x1 convolutions of u and of x, added up -> y (out_c, h, w), half as large where it is pooled */
template <bool UPSAMPLES>
__device__ static inline void
close_block(const CbiganCudaBlock &block, int h, int w, int r0, int s0, Tile tile, const float *u, const float *x,
            float *y)
{
  const int columns = tile.width / 2, quads = tile.height / 2 * columns, out_c = block.out_c;
  const size_t plane = (size_t)h * (size_t)w, small = UPSAMPLES ? plane / 4 : plane;
  for (int item = (int)threadIdx.x; item < quads * ((out_c + OUTS - 1) / OUTS); item += CBIGAN_THREADS) {
    const int first = item / quads * OUTS, outs = min(OUTS, out_c - first);
    const int row = item % quads / columns * 2, column = item % columns * 2, r = r0 + row, s = s0 + column;
    float sums[OUTS][QUAD] = {}, around[4][4];
    if (r >= h || s >= w)
      continue;
    for (int i = 0; i < out_c; i++)
#pragma unroll
      for (int o = 0; o < OUTS; o++)
#pragma unroll
        for (int p = 0; p < QUAD; p++)
          sums[o][p] += (o < outs ? block.closing[(first + o) * out_c + i] : 0.0f) *
                        u[(i * tile.height + row + p / 2) * tile.width + column + p % 2];
    for (int i = 0; i < block.in_c; i++) {
      read_around<UPSAMPLES>(x + (size_t)i * small, h, w, r, s, around);
#pragma unroll
      for (int o = 0; o < OUTS; o++)
#pragma unroll
        for (int p = 0; p < QUAD; p++)
          sums[o][p] += (o < outs ? block.skip[(first + o) * block.in_c + i] : 0.0f) * around[1 + p / 2][1 + p % 2];
    }
#pragma unroll
    for (int o = 0; o < OUTS; o++)
      if (o < outs)
        write_quad(y + (size_t)(first + o) * (block.pools ? (size_t)((h / 2) * (w / 2)) : plane), h, w, r, s,
                   block.bias ? block.bias[first + o] : 0.0f, block.activation, block.pools, sums[o]);
  }
}

/* grid (tiles of a map, n); x (n, in_c, h, w), half as large with UPSAMPLES -> y (n, out_c, h, w), half as large where
 * it is pooled */
template <bool UPSAMPLES>
__global__ static void
residual_block(CbiganCudaBlock block, int h, int w, const float *x, float *y)
{
  __shared__ float shared[ROOM];
  const Tile tile = block.tile;
  const int height = tile.height, width = tile.width;
  const int across = (w + width - 1) / width, r0 = (int)blockIdx.x / across * height,
            s0 = (int)blockIdx.x % across * width;
  const size_t plane = (size_t)h * (size_t)w, sample = blockIdx.y;
  const float *from = x + sample * (size_t)block.in_c * (UPSAMPLES ? plane / 4 : plane);
  float *t = shared, *u = shared + block.out_c * (height + 2) * (width + 2);
  convolve_first<UPSAMPLES>(block.in_c, block.out_c, h, w, r0, s0, tile, from, block.first, block.activation, t);
  __syncthreads();
  convolve_second(block.out_c, tile, t, block.second, block.activation, u);
  __syncthreads();
  close_block<UPSAMPLES>(block, h, w, r0, s0, tile, u, from,
                         y + sample * (size_t)block.out_c * (block.pools ? (size_t)((h / 2) * (w / 2)) : plane));
}

/* How often the threads of all blocks go round their loops to compute a map: what the tile's size should minimise */
static long
turns(int channels, int h, int w, Tile tile)
{
  const long groups = (channels + OUTS - 1) / OUTS;
  const long tiles = (long)((h + tile.height - 1) / tile.height) * ((w + tile.width - 1) / tile.width);
  const long first = (tile.height + 2) / 2 * (tile.width + 2) / 2 * groups;
  const long others = tile.height / 2 * tile.width / 2 * groups;
  return tiles * ((first + CBIGAN_THREADS - 1) / CBIGAN_THREADS + 2 * ((others + CBIGAN_THREADS - 1) / CBIGAN_THREADS));
}

CbiganCudaTile
cbigan_cuda_residual_block_tile(int out_c, int h, int w)
{
  Tile best = { 2, 2 };
  for (int height = 2; height <= 64 && height < h + 2; height += 2)
    for (int width = 2; width <= 64 && width < w + 2; width += 2) {
      const Tile tile = { height, width };
      if (tile_room(tile) * out_c <= ROOM && turns(out_c, h, w, tile) < turns(out_c, h, w, best))
        best = tile;
    }
  return best;
}

cudaError_t
cbigan_cuda_launch_residual_block(int n, int h, int w, CbiganCudaBlock block, const float *x, float *y,
                                  cudaStream_t stream)
{
  const Tile tile = block.tile;
  const unsigned tiles = (unsigned)(((h + tile.height - 1) / tile.height) * ((w + tile.width - 1) / tile.width));
  const dim3 grid(tiles, (unsigned)n);
  return block.upsamples ? CBIGAN_LAUNCH(residual_block<true>, grid, stream, block, h, w, x, y)
                         : CBIGAN_LAUNCH(residual_block<false>, grid, stream, block, h, w, x, y);
}
