/* launch.cuh - how kernels are launched, and how their threads share the work
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Kernels of numbers that don't depend on each other: CBIGAN_EACH(i, n) in the kernel, blocks_for(n) at the launch.
 * tests/cuda has a CBIGAN_LAUNCH of its own that runs kernels on the processor.
 */
#pragma once
#include "kernels.h"

#define CBIGAN_THREADS 256 /* of a block */

#ifndef CBIGAN_LAUNCH
#define CBIGAN_LAUNCH(kernel, grid, stream, ...)                                                                       \
  (kernel<<<(grid), CBIGAN_THREADS, 0, (stream)>>>(__VA_ARGS__), cudaGetLastError())
#endif

/* All i < n between the grid's threads: neighbours in memory by neighbours in a warp. */
#define CBIGAN_EACH(i, n)                                                                                              \
  for (size_t i = (size_t)blockIdx.x * CBIGAN_THREADS + threadIdx.x; i < (n); i += (size_t)gridDim.x * CBIGAN_THREADS)

static inline dim3
blocks_for(size_t n)
{
  const size_t most = 1 << 16; /* the rest by turns */
  const size_t blocks = (n + CBIGAN_THREADS - 1) / CBIGAN_THREADS;
  return dim3((unsigned)(blocks < most ? blocks : most));
}
