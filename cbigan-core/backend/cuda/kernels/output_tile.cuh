/* output_tile.cuh - what a thread that makes 2x2 outputs of a map reads of another one
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An upsampled map is never written for those who read it so: they make it of the small one as they read. See
 * upsample.cu for the weights.
 */
#pragma once
#include "activate.cuh"

#define QUAD 4 /* its outputs: rows r, r + 1, columns s, s + 1; r and s are even */

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

/* Rows r - 1 to r + 2 and columns s - 1 to s + 2 of an (h, w) map, zero outside of it. DOUBLES: `plane` is the
 * (h / 2, w / 2) map that is to be upsampled. */
template <bool DOUBLES>
__device__ static inline void
read_around(const float *plane, int h, int w, int r, int s, float to[4][4])
{
  float small[3][3], wide[3][4];
  if (DOUBLES) {
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
    if (DOUBLES)
      spread(wide[0][k], wide[1][k], wide[2][k], column);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int row = r - 1 + j, at = s - 1 + k;
      const bool inside = row >= 0 && row < h && at >= 0 && at < w;
      to[j][k] = !inside ? 0.0f : DOUBLES ? column[j] : plane[row * w + at];
    }
  }
}

/* The same with r and s odd, as they are with an edge of one around a map's even rows and columns; from -1 on. */
template <bool DOUBLES>
__device__ static inline void
read_around_odd(const float *plane, int h, int w, int r, int s, float to[4][4])
{
  float wide[4][4];
  if (DOUBLES)
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
    if (DOUBLES)
      spread_odd(wide[0][k], wide[1][k], wide[2][k], wide[3][k], column);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int row = r - 1 + j, at = s - 1 + k;
      const bool inside = row >= 0 && row < h && at >= 0 && at < w;
      to[j][k] = !inside ? 0.0f : DOUBLES ? column[j] : plane[row * w + at];
    }
  }
}

/* One channel's activation(sums + bias) -> its map y (h, w); halves: their mean -> y (h / 2, w / 2) */
__device__ static inline void
write_quad(float *y, int h, int w, int r, int s, float bias, CbiganCudaActivation activation, int halves,
           const float sums[QUAD])
{
  float sum = 0.0f;
#pragma unroll
  for (int p = 0; p < QUAD; p++) {
    const float v = activated(activation, sums[p] + bias);
    sum += v;
    if (!halves && r + p / 2 < h && s + p % 2 < w)
      y[(r + p / 2) * w + s + p % 2] = v;
  }
  if (halves && r + 1 < h && s + 1 < w)
    y[r / 2 * (w / 2) + s / 2] = 0.25f * sum;
}

/* Where quad q lies; maps one after another, rows of quads */
struct QuadPlace {
  int r, s;
  size_t sample;
  __device__
  QuadPlace(size_t q, int h, int w)
  {
    const size_t columns = (size_t)((w + 1) / 2), rows = (size_t)((h + 1) / 2);
    s = 2 * (int)(q % columns);
    r = 2 * (int)(q / columns % rows);
    sample = q / (columns * rows);
  }
};

static inline size_t
count_quads(int n, int h, int w)
{
  return (size_t)n * (size_t)((h + 1) / 2) * (size_t)((w + 1) / 2);
}
