/* multiversion.h - functions in several versions, for wider vectors where the processor has them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

/* Before a function with loops that the compiler turns into vectors: the version is chosen when the library is loaded.
 * AVX2 without FMA: no multiplication and addition become one, so all versions make the same bits, sums that OpenMP
 * may reorder (`reduction`) excepted. */
#if defined(__x86_64__) && defined(__linux__)
#define CBIGAN_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define CBIGAN_WIDE
#endif
