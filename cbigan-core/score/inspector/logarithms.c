/* logarithms.c - bytes of a surface's row to its level and two planes of colour
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each pass over a frame looks its bytes up again, because a lookup costs less than reading a logarithm from memory.
 * With AVX-512 VBMI, a table of 256 floats lies in 16 registers, and 64 pixels are looked up at once. The numbers are
 * equal.
 */
#include "logarithms.h"

#include <string.h>

#include "multiversion.h"

#define SOME 256 /* pixels whose logarithms stay in the first cache */

CBIGAN_WIDE static void
find_levels(const float *restrict r, const float *restrict g, const float *restrict b, int n, float *restrict level,
            float *restrict red, float *restrict blue)
{
  for (int i = 0; i < n; i++) {
    level[i] = (r[i] + g[i] + b[i]) / 3.0f;
    red[i] = r[i] - g[i];
    blue[i] = b[i] - 0.5f * (r[i] + g[i]);
  }
}

void
cbigan_level_and_colours(const float *rgb, gsize plane, int n, float *level, float *red, float *blue)
{
  find_levels(rgb, rgb + plane, rgb + 2 * plane, n, level, red, blue);
}

static void
read_plainly(const float *restrict curve, const guint8 *restrict bytes, int n, float *level, float *red, float *blue)
{
  float r[SOME], g[SOME], b[SOME];
  for (int at = 0, some; at < n; at += some) {
    some = MIN(SOME, n - at);
    for (int i = 0; i < some; i++, bytes += 3) {
      r[i] = curve[bytes[0]];
      g[i] = curve[bytes[1]];
      b[i] = curve[bytes[2]];
    }
    find_levels(r, g, b, some, level + at, red + at, blue + at);
  }
}

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#include <immintrin.h>

#define VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi")))
#define PIXELS 64

/* The table's numbers as four planes of bytes. */
typedef struct {
  guint8 bytes[4][256];
} Table;

static void
split_table(const float *curve, Table *table)
{
  for (int i = 0; i < 256; i++) {
    guint32 bits;
    memcpy(&bits, &curve[i], sizeof bits);
    for (int k = 0; k < 4; k++)
      table->bytes[k][i] = (guint8)(bits >> 8 * k);
  }
}

/* Where in 192 bytes the pixels' first channel lies: pixel 16 q + 4 l + e at byte 16 l + 4 q + e, as the bytes of each
 * number are joined within lanes of 16 bytes. */
static void
order_pixels(guint8 *order)
{
  for (int l = 0; l < 4; l++)
    for (int q = 0; q < 4; q++)
      for (int e = 0; e < 4; e++)
        order[16 * l + 4 * q + e] = (guint8)(3 * (16 * q + 4 * l + e));
}

/* 64 bytes -> numbers of the table, in four vectors */
VBMI static inline __attribute__((always_inline)) void
look_up(const Table *table, __m512i at, __m512 *out)
{
  const __mmask64 upper = _mm512_movepi8_mask(at);
  __m512i bytes[4];
  for (int k = 0; k < 4; k++) {
    const __m512i *t = (const __m512i *)table->bytes[k];
    const __m512i low = _mm512_permutex2var_epi8(_mm512_loadu_si512(t), at, _mm512_loadu_si512(t + 1));
    const __m512i high = _mm512_permutex2var_epi8(_mm512_loadu_si512(t + 2), at, _mm512_loadu_si512(t + 3));
    bytes[k] = _mm512_mask_blend_epi8(upper, low, high);
  }
  const __m512i a = _mm512_unpacklo_epi8(bytes[0], bytes[1]), b = _mm512_unpackhi_epi8(bytes[0], bytes[1]);
  const __m512i c = _mm512_unpacklo_epi8(bytes[2], bytes[3]), d = _mm512_unpackhi_epi8(bytes[2], bytes[3]);
  out[0] = (__m512)_mm512_unpacklo_epi16(a, c);
  out[1] = (__m512)_mm512_unpackhi_epi16(a, c);
  out[2] = (__m512)_mm512_unpacklo_epi16(b, d);
  out[3] = (__m512)_mm512_unpackhi_epi16(b, d);
}

VBMI static void
read_by_registers(const float *curve, const guint8 *bytes, int n, float *level, float *red, float *blue)
{
  Table table;
  guint8 numbers[PIXELS];
  split_table(curve, &table);
  order_pixels(numbers);
  const __m512i first = _mm512_loadu_si512(numbers), one = _mm512_set1_epi8(1);
  for (int i = 0; i + PIXELS <= n; i += PIXELS, bytes += 3 * PIXELS) {
    const __m512i x = _mm512_loadu_si512(bytes), y = _mm512_loadu_si512(bytes + 64),
                  z = _mm512_loadu_si512(bytes + 128);
    __m512 rgb[3][4];
    __m512i order = first;
    for (int c = 0; c < 3; c++, order = _mm512_add_epi8(order, one)) {
      const __m512i of_two = _mm512_permutex2var_epi8(x, order, y);
      const __m512i at = _mm512_mask_permutexvar_epi8(of_two, _mm512_movepi8_mask(order), order, z);
      look_up(&table, at, rgb[c]);
    }
    for (int q = 0; q < 4; q++) {
      const __m512 r = rgb[0][q], g = rgb[1][q], b = rgb[2][q], both = r + g;
      _mm512_storeu_ps(level + i + 16 * q, (both + b) / 3.0f);
      _mm512_storeu_ps(red + i + 16 * q, r - g);
      _mm512_storeu_ps(blue + i + 16 * q, b - 0.5f * both);
    }
  }
  const int done = n / PIXELS * PIXELS;
  read_plainly(curve, bytes, n - done, level + done, red + done, blue + done);
}

static gboolean
can_read_by_registers(void)
{
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi");
}
#else
#define read_by_registers read_plainly
#define can_read_by_registers() FALSE
#endif

void
cbigan_read_level_and_colours(const float *curve, const guint8 *bytes, int n, float *level, float *red, float *blue)
{
  if (can_read_by_registers())
    read_by_registers(curve, bytes, n, level, red, blue);
  else
    read_plainly(curve, bytes, n, level, red, blue);
}
