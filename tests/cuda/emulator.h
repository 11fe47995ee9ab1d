/* emulator.h - CUDA C as C++: what nvcc knows and a C++ compiler does not
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The cuda backend's own sources, its kernels included, run on the processor: .cu files are compiled as C++ with this
 * header in front, and instead of cudart and cuDNN there are emulator.cc and cudnn.cc. So every test of the backends
 * covers the kernels' arithmetic and all that the backend asks of the libraries; what it can't show is what the
 * libraries themselves do, speed, and threads of one block that race.
 *
 * Stricter than a GPU: nothing runs before somebody waits, so memory that is reused too early shows; device memory
 * can't be touched by the host; new memory is NaN; memory is not freed before somebody waited; a kernel that gets a
 * host pointer, or one that writes behind its memory, ends the program.
 */
#pragma once
#include <cuda_runtime_api.h>

#include <cmath>
#include <functional>

/* Of the emulated thread that runs; there is one at a time. */
extern uint3 threadIdx, blockIdx;
extern dim3 gridDim;

#undef __shared__
#define __shared__ static
void emulator_synchronise_block();
#define __syncthreads() emulator_synchronise_block()

static inline int
min(int a, int b)
{
  return a < b ? a : b;
}

static inline int
max(int a, int b)
{
  return a > b ? a : b;
}

/* Ends the program unless p is NULL or device memory. */
void emulator_check_pointer(const void *p, const char *kernel);
/* Put behind what the stream has to do. */
cudaError_t emulator_enqueue(cudaStream_t stream, std::function<void()> work);
void emulator_run_grid(dim3 grid, int threads, const std::function<void()> &kernel);

template <typename T>
static inline void
emulator_check_argument(const T &, const char *)
{
}

template <typename T>
static inline void
emulator_check_argument(T *const &p, const char *kernel)
{
  emulator_check_pointer((const void *)p, kernel);
}

template <typename Kernel, typename... Arguments>
static inline cudaError_t
emulator_launch(Kernel kernel, const char *name, dim3 grid, int threads, cudaStream_t stream, Arguments... arguments)
{
  (emulator_check_argument(arguments, name), ...);
  return emulator_enqueue(stream, [=] { emulator_run_grid(grid, threads, [=] { kernel(arguments...); }); });
}

#define CBIGAN_LAUNCH(kernel, grid, stream, ...)                                                                       \
  (emulator_launch(kernel, #kernel, (grid), CBIGAN_THREADS, (stream), __VA_ARGS__), cudaGetLastError())
