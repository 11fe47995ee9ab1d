/* isa_x86.c - kernels for x86-64
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * supported(): what the compiler was allowed to use for each, see meson.build.
 */
#include "kernels.h"

extern const CbiganKernels cbigan_cpu_avx512, cbigan_cpu_avx2;

static gboolean
avx2(void)
{
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static gboolean
avx512(void)
{
  return avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}

/* widest: up to where fused passes won. CPU time of single operations / fused, by tests/bench/fused:
 *          c = 3      4        6        8        12       16         24         32
 * avx512   2.3-3.0  2.0-2.3  1.7-1.8  1.4      1.4-1.5  1.13-1.21  1.24-1.27  0.99-1.19
 * avx2     2.5-3.9  1.6-2.6           1.2-1.3           1.07-1.25             1.14-1.16  (a processor without AVX-512)
 */
const CbiganIsa cbigan_cpu_isas[] = {
  { &cbigan_cpu_avx512, 24, avx512 },
  { &cbigan_cpu_avx2, 32, avx2 },
  { NULL, 0, NULL },
};
