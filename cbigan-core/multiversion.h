/* multiversion.h - functions in several versions, for wider vectors where the processor has them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For plain loops outside the kernels. Kernels with intermediate sums of their own belong into the table of
 * backend/cpu/simd/isa.c, which CBIGAN_ISA limits. These loops need no table: all versions compute the same bits.
 * Without the versions, a frame took 2 % longer (c = 3 and 4, 16 and 64 patches of 64x64, one thread).
 */
#pragma once

/* Goes before a function whose loops the compiler turns into vectors. The loader chooses the version. No version fuses
 * a multiplication and an addition: AVX2 goes without FMA, and the core is compiled with -ffp-contract=off. A sum with
 * `reduction` depends on the width of vectors, so that its function takes CBIGAN_WIDE_SUM. The thread sanitizer is not
 * ready yet when the loader chooses. clang 14 makes the names of versions global, so no two such functions of a library
 * may have the same. */
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_THREAD__)
#define CBIGAN_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#define CBIGAN_WIDE_SUM __attribute__((target_clones("avx2", "default")))
#else
#define CBIGAN_WIDE
#define CBIGAN_WIDE_SUM
#endif
