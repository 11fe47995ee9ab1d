/* emulator.h - CUDA C as C++: the words that nvcc knows and a C++ compiler does not
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The cuda backend's own sources, its kernels included, run on the CPU. The .cu files are compiled as C++ behind this
 * header, and runtime.cc and cudnn.cc take the place of cudart and cuDNN. So every test of the backends covers the
 * kernels' arithmetic and all calls of the libraries. It does not cover what the libraries do, speed, and races between
 * the threads of one block.
 *
 * The emulation is stricter than a GPU:
 * - Work is done only when somebody waits for it, so memory that is reused too early shows. Streams run in any order
 * that events allow (stream.cc).
 * - The host can't touch device memory; new memory is NaN; memory in use can't be freed.
 * - The program ends if a kernel gets a host pointer or writes beyond its memory, if a graph is launched whose memory
 * is gone, or if memory or a stream is used outside of its context.
 * - Waiting and allocating during a capture fail as CUDA documents, and invalidate the capture.
 * emulator_count() (counts.h) returns how often something was asked for.
 */
#pragma once
#include <cuda_runtime_api.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

/* Those of the emulated thread that runs; only one runs at a time. */
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
  std::vector<long> allocations = {}; /* of the pointers when the work was enqueued */
  EmulatorKind kind = EMULATOR_KERNEL;
  const void *host = nullptr;                     /* host memory of a copy */
  std::shared_ptr<EmulatorEvent> event = nullptr; /* that is recorded or waited for */
  long number = 0;                                /* which recording of the event */
  const void *owner = nullptr;                    /* the graph that contains it */
};

/* Appends work to the stream or, while the stream is captured, to the graph. Ends the program if a pointer is neither
 * NULL nor device memory. A graph's pointers are checked again at each launch. */
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
