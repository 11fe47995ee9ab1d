/* upsample.cuh - one number of an upsampled map: bilinear, twice the size, half-pixel centres, edges clamped
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "launch.cuh"

/* Output i is 3/4 of the input at near_of(i) and 1/4 of the one at far_of(i). */
__device__ static inline int
near_of(int i)
{
  return i / 2;
}

__device__ static inline int
far_of(int i, int size)
{
  return min(max(i % 2 ? i / 2 + 1 : i / 2 - 1, 0), size - 1);
}

/* Row r, column s of the (2h, 2w) map; number(row, column) returns a number of the small (h, w) map. */
template <typename Number>
__device__ static inline float
upsampled(Number number, int h, int w, int r, int s)
{
  const int near_row = near_of(r), far_row = far_of(r, h), near_column = near_of(s), far_column = far_of(s, w);
  return 0.75f * (0.75f * number(near_row, near_column) + 0.25f * number(near_row, far_column)) +
         0.25f * (0.75f * number(far_row, near_column) + 0.25f * number(far_row, far_column));
}
