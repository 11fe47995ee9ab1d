/* winograd_input_tmpl.h - the transforms of Winograd's minimal filtering; part of simd_patches.c and simd_channels.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * F(2, 3) and F(4, 3) of Lavin & Gray 2015 (arXiv 1509.09308), section 4, with the points of winograd_points.h: B^T for
 * inputs, A^T for outputs, of one row or column. `side` is a constant wherever these are inlined.
 */
#pragma once
#include "winograd_points.h"
#include "vector_tmpl.h"

/* clang-format off */

/* B^T x of the n = side + 2 numbers x (stride apart) -> out (out_stride apart) */
INLINE void
transform_input(const int side, const Vector *x, const int stride, Vector *out, const gsize out_stride)
{
  const Vector d0 = x[0], d1 = x[stride], d2 = x[2 * stride], d3 = x[3 * stride];
  if (side == 2) {
    out[0] = d0 - d2;
    out[out_stride] = d1 + d2;
    out[2 * out_stride] = d2 - d1;
    out[3 * out_stride] = d1 - d3;
  } else {
    const float a = CBIGAN_POINT_A, b = CBIGAN_POINT_B, a2 = CBIGAN_A2, b2 = CBIGAN_B2;
    const Vector d4 = x[4 * stride], d5 = x[5 * stride];
    const Vector even = d4 - b2 * d2, odd = d3 - b2 * d1, even2 = d4 - a2 * d2, odd2 = d3 - a2 * d1;
    out[0] = a2 * b2 * d0 + (d4 - (a2 + b2) * d2);
    out[out_stride] = even + a * odd;
    out[2 * out_stride] = even - a * odd;
    out[3 * out_stride] = even2 + b * odd2;
    out[4 * out_stride] = even2 - b * odd2;
    out[5 * out_stride] = a2 * b2 * d1 + (d5 - (a2 + b2) * d3);
  }
}

/* A^T m of n numbers -> side numbers */
INLINE void
transform_output(const int side, const Vector *m, Vector *out, const int out_stride)
{
  const Vector s1 = m[1] + m[2], d1 = m[1] - m[2];
  if (side == 2) {
    out[0] = m[0] + s1;
    out[out_stride] = d1 - m[3];
  } else {
    const float a = CBIGAN_POINT_A, b = CBIGAN_POINT_B, a2 = CBIGAN_A2, b2 = CBIGAN_B2;
    const Vector s2 = m[3] + m[4], d2 = m[3] - m[4];
    out[0] = m[0] + (1 / a) * s1 + (1 / b) * s2;
    out[out_stride] = d1 + d2;
    out[2 * out_stride] = a * s1 + b * s2;
    out[3 * out_stride] = a2 * d1 + b2 * d2 + m[5];
  }
}
/* clang-format on */
