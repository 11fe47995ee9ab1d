/* output_tile.cuh - the inputs that a thread reads, and the outputs that it writes, for 2x2 pixels of a map
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An upsampled map is never written: a thread computes its numbers from the small map as it reads them. See upsample.cu
 * for the weights.
 */
#pragma once
#include "activate.cuh"

#define QUAD 4 /* outputs of a thread: rows r, r + 1 and columns s, s + 1, where r and s are even */

/* Rows (or columns) 2i - 1 to 2i + 2 of an upsampled map, from i - 1, i and i + 1 of the small one */
__device__ static inline void
spread(float before, float here, float behind, float to[4])
{
  to[0] = 0.75f * before + 0.25f * here;
  to[1] = 0.75f * here + 0.25f * before;
  to[2] = 0.75f * here + 0.25f * behind;
  to[3] = 0.75f * behind + 0.25f * here;
}

/* Rows 2i to 2i + 3, from i - 1 to i + 2 */
__device__ static inline void
spread_odd(float before, float here, float next, float behind, float to[4])
{
  to[0] = 0.75f * here + 0.25f * before;
  to[1] = 0.75f * here + 0.25f * next;
  to[2] = 0.75f * next + 0.25f * here;
  to[3] = 0.75f * next + 0.25f * behind;
}

/* Reads rows r - 1 to r + 2 and columns s - 1 to s + 2 of an (h, w) map, zero outside of it. UPSAMPLES: `plane` is the
 * small map (h / 2, w / 2). */
template <bool UPSAMPLES>
__device__ static inline void
read_around(const float *plane, int h, int w, int r, int s, float to[4][4])
{
  float small[3][3], wide[3][4];
  if (UPSAMPLES) {
#pragma unroll
    for (int j = 0; j < 3; j++) {
      const float *row = plane + min(max(r / 2 - 1 + j, 0), h / 2 - 1) * (w / 2);
#pragma unroll
      for (int k = 0; k < 3; k++)
        small[j][k] = row[min(max(s / 2 - 1 + k, 0), w / 2 - 1)];
      spread(small[j][0], small[j][1], small[j][2], wide[j]);
    }
  }
#pragma unroll
  for (int k = 0; k < 4; k++) {
    float column[4];
    if (UPSAMPLES)
      spread(wide[0][k], wide[1][k], wide[2][k], column);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int row = r - 1 + j, at = s - 1 + k;
      const bool inside = row >= 0 && row < h && at >= 0 && at < w;
      to[j][k] = !inside ? 0.0f : UPSAMPLES ? column[j] : plane[row * w + at];
    }
  }
}

/* The same for odd r and s, from -1 on: with a margin of one, tiles begin there. */
template <bool UPSAMPLES>
__device__ static inline void
read_around_odd(const float *plane, int h, int w, int r, int s, float to[4][4])
{
  float wide[4][4];
  if (UPSAMPLES)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const float *row = plane + min(max((r - 3) / 2 + j, 0), h / 2 - 1) * (w / 2);
      float small[4];
#pragma unroll
      for (int k = 0; k < 4; k++)
        small[k] = row[min(max((s - 3) / 2 + k, 0), w / 2 - 1)];
      spread_odd(small[0], small[1], small[2], small[3], wide[j]);
    }
#pragma unroll
  for (int k = 0; k < 4; k++) {
    float column[4];
    if (UPSAMPLES)
      spread_odd(wide[0][k], wide[1][k], wide[2][k], wide[3][k], column);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int row = r - 1 + j, at = s - 1 + k;
      const bool inside = row >= 0 && row < h && at >= 0 && at < w;
      to[j][k] = !inside ? 0.0f : UPSAMPLES ? column[j] : plane[row * w + at];
    }
  }
}

/* Writes activation(sums + bias) of one channel to its map y (h, w); pools: their mean to y (h / 2, w / 2) */
__device__ static inline void
write_quad(float *y, int h, int w, int r, int s, float bias, CbiganCudaActivation activation, int pools,
           const float sums[QUAD])
{
  float sum = 0.0f;
#pragma unroll
  for (int p = 0; p < QUAD; p++) {
    const float v = activated(activation, sums[p] + bias);
    sum += v;
    if (!pools && r + p / 2 < h && s + p % 2 < w)
      y[(r + p / 2) * w + s + p % 2] = v;
  }
  if (pools && r + 1 < h && s + 1 < w)
    y[r / 2 * (w / 2) + s / 2] = 0.25f * sum;
}
