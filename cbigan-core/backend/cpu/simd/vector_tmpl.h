/* vector_tmpl.h - the lanes of a column in the processor's vectors; part of simd_patches.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A column may be several vectors wide (PARTS). A function that takes a pointer to a row works on one vector per
 * column: the one at that pointer's place. Lanes are shifted only in columns of one vector: segments are never wider.
 */
#pragma once
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "simd_patches.h"

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#define PARTS (LANES / VECTOR)

typedef float Vector __attribute__((vector_size(VECTOR * sizeof(float)), may_alias));
typedef float Loose __attribute__((vector_size(VECTOR * sizeof(float)), aligned(4), may_alias)); /* anywhere */
typedef float Half __attribute__((vector_size(VECTOR / 2 * sizeof(float)), aligned(4), may_alias));
typedef gint32 Mask __attribute__((vector_size(VECTOR * sizeof(float))));

/* Of vectors a and b: LOW a0 b0 a1 b1 ..., HIGH the same from the middle on; and within each patch's SEGMENTS lanes
 * UP b0 a0 a1 ..., DOWN a1 a2 ... b[last], FIRST b0 a1 a2 ...; NUMBERS of the lanes. */
#define SEGMENTS VECTOR
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
/* clang-format off */
#if VECTOR == 4
#define UP 4, 0, 1, 2
#define DOWN 1, 2, 3, 7
#define FIRST 4, 1, 2, 3
#define NUMBERS 0, 1, 2, 3
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#elif VECTOR == 8
#define UP 8, 0, 1, 2, 3, 4, 5, 6
#define DOWN 1, 2, 3, 4, 5, 6, 7, 15
#define FIRST 8, 1, 2, 3, 4, 5, 6, 7
#define NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif VECTOR == 16
#define UP 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
#define DOWN 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 31
#define FIRST 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#endif
/* clang-format on */

INLINE Vector
load(const float *row, int column)
{
  return ((const Vector *)row)[column * PARTS];
}

INLINE void
store(float *row, int column, Vector x)
{
  ((Vector *)row)[column * PARTS] = x;
}

INLINE Vector
choose(Mask mask, Vector yes, Vector no)
{
  return (Vector)((mask & (Mask)yes) | (~mask & (Mask)no));
}

/* The larger number; the second one if either is NaN. Written so because compilers recognise no maximum in choose(). */
INLINE Vector
larger(Vector x, Vector y)
{
#if VECTOR == 16 && defined(__AVX512F__)
  return (Vector)_mm512_max_ps((__m512)x, (__m512)y);
#elif VECTOR == 8 && defined(__AVX__)
  return (Vector)_mm256_max_ps((__m256)x, (__m256)y);
#else
  return choose(x > y, x, y);
#endif
}

INLINE Vector
leaky(Vector x, float slope) /* 0 < slope <= 1 */
{
  return larger(x, x * slope);
}

/* x, in the lane of the last segment y. Lanes behind it hold no part of the picture and may hold any numbers. */
INLINE Vector
with_last(const CbiganCpuMap *m, Vector x, Vector y)
{
  return choose((const Mask){ NUMBERS } == m->segments - 1, y, x);
}

/* The column before a row of w, and the column behind it. Outside the picture it is `edge`. */
INLINE Vector
before(const CbiganCpuMap *m, const float *row, Vector edge)
{
  return m->segments ? (Vector)SHUFFLE(load(row, m->w - 1), edge, UP) : edge;
}

INLINE Vector
behind(const CbiganCpuMap *m, const float *row, Vector edge)
{
  return m->segments ? with_last(m, (Vector)SHUFFLE(load(row, 0), edge, DOWN), edge) : edge;
}

/* x, zero where it lies outside the picture: the column before the first, or the one behind the last */
INLINE Vector
without_first(const CbiganCpuMap *m, Vector x)
{
  const Vector zero = { 0 };
  return m->segments ? (Vector)SHUFFLE(x, zero, FIRST) : zero;
}

INLINE Vector
without_last(const CbiganCpuMap *m, Vector x)
{
  const Vector zero = { 0 };
  return m->segments ? with_last(m, x, zero) : zero;
}

#if BF16
/* Two channels of a column side by side in each lane, rounded to 8 bits of mantissa; the first one in the lower half.
 */
typedef guint32 Pairs __attribute__((vector_size(VECTOR * sizeof(float)), may_alias));
typedef guint32 Cell __attribute__((may_alias)); /* of weights; see simd_patches.h */

#ifdef __AVX512BF16__
typedef guint16 Order __attribute__((vector_size(VECTOR * sizeof(float))));

INLINE Pairs
pair(Vector first, Vector second)
{
#if VECTOR == 16
  const Order order = { 0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                        8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31 };
  return (Pairs)_mm512_permutexvar_epi16((__m512i)order, (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first));
#else
  const Order order = { 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15 };
  return (Pairs)_mm256_permutexvar_epi16((__m256i)order, (__m256i)_mm256_cvtne2ps_pbh((__m256)second, (__m256)first));
#endif
}

/* sum + first * first of the weights + second * second */
INLINE Vector
add_pairs(Vector sum, Pairs x, Cell weights)
{
#if VECTOR == 16
  return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)_mm512_set1_epi32((int)weights));
#else
  return (Vector)_mm256_dpbf16_ps((__m256)sum, (__m256bh)x, (__m256bh)_mm256_set1_epi32((int)weights));
#endif
}
#else
/* To the nearest, of two the even one; NaN stays NaN. */
INLINE Pairs
round_bits(Vector x)
{
  Pairs bits = (Pairs)x, rounded = bits + 0x7fff + (bits >> 16 & 1);
  return (Pairs)choose(x == x, (Vector)rounded, (Vector)(bits | 0x400000));
}

INLINE Pairs
pair(Vector first, Vector second)
{
  return round_bits(first) >> 16 | (round_bits(second) & 0xffff0000);
}

INLINE Vector
add_pairs(Vector sum, Pairs x, Cell weights)
{
  const union {
    guint32 bits[2];
    float weights[2];
  } w = { { weights << 16, weights & 0xffff0000 } };
  return (sum + (Vector)(x & 0xffff0000) * w.weights[1]) + (Vector)(x << 16) * w.weights[0];
}
#endif
#endif
