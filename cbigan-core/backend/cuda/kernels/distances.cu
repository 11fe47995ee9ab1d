/* distances.cu - the critic's features on a grid, and the distance of each position from good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A position has a column of channels, d = f - mean, and its distance is |W d|. Reading W from memory limits the speed,
 * so a thread multiplies each number of W with TILE columns. If all positions share one W, these are neighbours on the
 * grid; otherwise they are the same position in TILE samples. Each thread of a group has a row of W, and with few
 * channels a block has several groups. Columns come through shared memory, CHUNK channels at a time. The order of the
 * additions depends neither on a column's place nor on the other columns.
 */
#include "launch.cuh"

#define TILE 16
#define CHUNK 32
#define LEAST_WIDTH 32 /* fewest threads of a group */

/* In the host's order: down the columns, then along the row. */
__global__ static void
features(size_t n_floats, int channels, int side, const float *x, int grid, int taps, const int *first,
         const float *weights, int at, int all, const float *mean, int apart, float *to)
{
  const size_t positions = (size_t)grid * (size_t)grid;
  CBIGAN_EACH (k, n_floats) {
    const size_t position = k % positions, channel = k / positions % (size_t)channels;
    const size_t sample = k / (positions * (size_t)channels), among = (size_t)at + channel;
    const int i = (int)(position / (size_t)grid), j = (int)(position % (size_t)grid);
    const float *from =
        x + (sample * (size_t)channels + channel) * (size_t)side * (size_t)side + first[i] * side + first[j];
    float sum = 0.0f;
    for (int s = 0; s < taps; s++) {
      float column = 0.0f;
      for (int r = 0; r < taps; r++)
        column += weights[i * taps + r] * from[r * side + s];
      sum += weights[j * taps + s] * column;
    }
    to[(sample * (size_t)all + among) * positions + position] =
        sum - mean[(apart ? position * (size_t)all : 0) + among];
  }
}

/* The sample and position of column t of a tile */
struct Column {
  size_t sample, position;
  __device__
  Column(size_t tile, size_t t, size_t positions, int apart)
  {
    sample = apart ? (size_t)blockIdx.y * TILE + t : (tile * TILE + t) / positions;
    position = apart ? tile : (tile * TILE + t) % positions;
  }
};

/* grid (tiles / groups, apart ? samples / TILE : 1); width: threads of a group, a power of 2 */
__global__ static void
distances(size_t n, int channels, size_t positions, int width, const float *columns, const float *whitening, int apart,
          float *to)
{
  alignas(16) __shared__ float shared[TILE * (CBIGAN_THREADS + 1)]; /* columns (CHUNK, groups, TILE), then rows */
  __shared__ double by_lane[CBIGAN_THREADS];
  const int me = (int)threadIdx.x, group = me / width, mine = me % width, t = mine % TILE, lane = mine / TILE;
  const int groups = CBIGAN_THREADS / width, across = groups * TILE, staged = me % across;
  const size_t first = (size_t)blockIdx.x * (size_t)groups, pitch = positions;
  const Column read(first + (size_t)(staged / TILE), (size_t)(staged % TILE), positions, apart);
  const float *column = read.sample < n && read.position < positions
                            ? columns + read.sample * (size_t)channels * pitch + read.position
                            : nullptr;
  const size_t matrix = first + (size_t)group; /* beyond the last position: the last one again, unused */
  whitening += apart ? (matrix < positions ? matrix : positions - 1) * (size_t)channels * (size_t)channels : 0;
  double square = 0.0;
  for (int top = 0; top < channels; top += width) {
    const int row = top + mine, inside = row < channels ? row : channels - 1;
    float sums[TILE] = {};
    for (int begin = 0; begin < channels; begin += CHUNK) {
      const int some = min(CHUNK, channels - begin);
      for (int i = me / across; i < some; i += CBIGAN_THREADS / across)
        shared[i * across + staged] = column ? column[(size_t)(begin + i) * pitch] : 0.0f;
      __syncthreads();
      for (int i = 0; i < some; i++) {
        const float w = whitening[(size_t)(begin + i) * (size_t)channels + (size_t)inside];
        const float4 *d = reinterpret_cast<const float4 *>(&shared[i * across + group * TILE]);
#pragma unroll
        for (int k = 0; k < TILE / 4; k++) {
          const float4 four = d[k];
          sums[4 * k] += w * four.x;
          sums[4 * k + 1] += w * four.y;
          sums[4 * k + 2] += w * four.z;
          sums[4 * k + 3] += w * four.w;
        }
      }
      __syncthreads();
    }
#pragma unroll
    for (int k = 0; k < TILE; k++)
      shared[k * (CBIGAN_THREADS + 1) + me] = row < channels ? sums[k] : 0.0f;
    __syncthreads();
    for (int k = lane; k < width; k += width / TILE) {
      const double number = (double)shared[t * (CBIGAN_THREADS + 1) + group * width + k];
      square += number * number;
    }
    __syncthreads();
  }
  by_lane[me] = square;
  __syncthreads();
  const Column written(first + (size_t)group, (size_t)t, positions, apart);
  if (lane > 0 || written.sample >= n || written.position >= positions)
    return;
  for (int k = 1; k < width / TILE; k++)
    square += by_lane[me + k * TILE];
  to[written.sample * positions + written.position] = (float)sqrt(square);
}

cudaError_t
cbigan_cuda_launch_features(int n, int channels, int side, const float *x, int grid, int taps, const int *first,
                            const float *weights, int at, int all, const float *mean, int apart, float *to,
                            cudaStream_t stream)
{
  const size_t n_floats = (size_t)n * (size_t)channels * (size_t)grid * (size_t)grid;
  return CBIGAN_LAUNCH(features, blocks_for(n_floats), stream, n_floats, channels, side, x, grid, taps, first, weights,
                       at, all, mean, apart, to);
}

cudaError_t
cbigan_cuda_launch_distances(int n, int channels, int positions, const float *columns, const float *whitening,
                             int apart, float *to, cudaStream_t stream)
{
  int width = LEAST_WIDTH;
  while (width < channels && width < CBIGAN_THREADS)
    width *= 2;
  const size_t groups = (size_t)(CBIGAN_THREADS / width);
  const size_t tiles = apart ? (size_t)positions : ((size_t)n * (size_t)positions + TILE - 1) / TILE;
  const dim3 grid((unsigned)((tiles + groups - 1) / groups), (unsigned)(apart ? (n + TILE - 1) / TILE : 1));
  return CBIGAN_LAUNCH(distances, grid, stream, (size_t)n, channels, (size_t)positions, width, columns, whitening,
                       apart, to);
}
