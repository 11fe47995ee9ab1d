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
 * Stricter than a GPU: nothing runs before somebody waits, so memory that is reused too early shows, and one stream's
 * work not before another's that nobody said comes first (stream.cc); device memory can't be touched by the host; new
 * memory is NaN; memory is not freed before somebody waited; a kernel that gets a host pointer, or one that writes
 * behind its memory, ends the program; and so does the launch of a graph whose memory is gone, or work with memory or a
 * stream of another context than the thread's current one. Waiting and allocating in a capture fail as CUDA says, and
 * spoil it. emulator_count() (counts.h) tells what was asked of it.
 */
#pragma once
#include <cuda_runtime_api.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

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

static inline unsigned
atomicAdd(unsigned *to, unsigned number)
{
  const unsigned before = *to;
  *to += number;
  return before;
}

static inline double
__dmul_rn(double a, double b)
{
  return a * b;
}

static inline float
__uint_as_float(unsigned bits)
{
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static inline unsigned
__float_as_uint(float v)
{
  unsigned bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

struct EmulatorEvent;
enum EmulatorKind { EMULATOR_KERNEL, EMULATOR_COPY, EMULATOR_EVENT, EMULATOR_WAIT };

/* A piece of work: its name, and the device memory that it uses. */
struct EmulatorWork {
  const char *name;
  std::vector<const void *> pointers;
  std::function<void()> run;
  std::vector<long> allocations = {}; /* that the pointers were of when it was put there */
  EmulatorKind kind = EMULATOR_KERNEL;
  const void *host = nullptr;                     /* a copy's host memory */
  std::shared_ptr<EmulatorEvent> event = nullptr; /* that is recorded, or waited for */
  long number = 0;                                /* of the event's recording */
  const void *owner = nullptr;                    /* the graph that it is of */
};

/* Ends the program unless its pointers are NULL or device memory; then it is put behind what the stream has to do or,
 * while the stream is captured, into the graph. A graph's pointers are looked at again with each launch. */
cudaError_t emulator_enqueue(cudaStream_t stream, EmulatorWork work);
void emulator_run_grid(dim3 grid, int threads, const std::function<void()> &kernel);

template <typename T>
static inline void
emulator_add_pointer(const T &, EmulatorWork &)
{
}

template <typename T>
static inline void
emulator_add_pointer(T *const &p, EmulatorWork &work)
{
  work.pointers.push_back((const void *)p);
}

template <typename Kernel, typename... Arguments>
static inline cudaError_t
emulator_launch(Kernel kernel, const char *name, dim3 grid, int threads, cudaStream_t stream, Arguments... arguments)
{
  EmulatorWork work = { name, {}, nullptr };
  (emulator_add_pointer(arguments, work), ...);
  work.run = [=] { emulator_run_grid(grid, threads, [=] { kernel(arguments...); }); };
  return emulator_enqueue(stream, work);
}

#define CBIGAN_LAUNCH(kernel, grid, stream, ...)                                                                       \
  (emulator_launch(kernel, #kernel, (grid), CBIGAN_THREADS, (stream), __VA_ARGS__), cudaGetLastError())
