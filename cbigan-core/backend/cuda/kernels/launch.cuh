/* launch.cuh - how kernels are launched, and how threads share the work
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A kernel that computes n independent numbers loops over CBIGAN_EACH(i, n) and is launched with blocks_for(n).
 * tests/cuda defines a CBIGAN_LAUNCH of its own, which runs kernels on the CPU.
 */
#pragma once
#include "kernels.h"

#define CBIGAN_THREADS 256 /* per block */

#ifndef CBIGAN_LAUNCH
#define CBIGAN_LAUNCH(kernel, grid, stream, ...)                                                                       \
  (kernel<<<(grid), CBIGAN_THREADS, 0, (stream)>>>(__VA_ARGS__), cudaGetLastError())
#endif

/* Distributes all i < n over the grid's threads; neighbouring threads get neighbouring numbers. */
#define CBIGAN_EACH(i, n)                                                                                              \
  for (size_t i = (size_t)blockIdx.x * CBIGAN_THREADS + threadIdx.x; i < (n); i += (size_t)gridDim.x * CBIGAN_THREADS)

static inline dim3
blocks_for(size_t n)
{
  const size_t most = 1 << 16; /* threads loop over the rest */
  const size_t blocks = (n + CBIGAN_THREADS - 1) / CBIGAN_THREADS;
  return dim3((unsigned)(blocks < most ? blocks : most));
}
