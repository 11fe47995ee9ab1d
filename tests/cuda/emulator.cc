/* emulator.cc - the part of the CUDA runtime that the cuda backend calls, on the processor
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See emulator.h. The environment variable CBIGAN_EMULATOR says what kind of machine it is, words "name=number"
 * separated by commas: driver=12040 devices=2 capability=61 memory=MIB cudnn=91900, and lost=N: the device is lost
 * with the N-th piece of work. open=1: the host may touch device memory, which is quicker to emulate.
 */
#include "emulator.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "machine.h"

uint3 threadIdx, blockIdx;
dim3 gridDim;

struct CUstream_st {
  int device;
  std::deque<std::function<void()>> work;
};

struct CUevent_st {
  cudaStream_t stream;
};

static std::recursive_mutex mutex;
static thread_local int current_device;
static thread_local cudaError_t last_error;
static bool lost;
static long pieces;

#define ADDRESSES ((size_t)16 << 30)
#define PAGE ((size_t)2 << 20) /* a huge one */
#define GRAIN 256
#define CANARY 0xA5

static char *arena;
static size_t arena_used;             /* the highest that was ever in use */
static std::map<size_t, size_t> live; /* offset -> bytes */
static std::set<void *> pinned;

[[noreturn]] static void
stop(const char *what, const char *name)
{
  fprintf(stderr, "emulated CUDA: %s: %s\n", name, what);
  abort();
}

int
emulator_machine(const char *name, int otherwise)
{
  const char *all = getenv("CBIGAN_EMULATOR");
  const size_t length = strlen(name);
  for (const char *word = all; word; word = strchr(word, ',') ? strchr(word, ',') + 1 : nullptr)
    if (!strncmp(word, name, length) && word[length] == '=')
      return atoi(word + length + 1);
  return otherwise;
}

/* --- memory ---------------------------------------------------------------------------------------------------- */

static void
protect(int protection)
{
  static const bool open = emulator_machine("open", 0);
  static size_t opened;
  if (open && (protection == PROT_NONE || opened == arena_used))
    return;
  if (arena_used && mprotect(arena, opened = arena_used, protection))
    stop("mprotect failed", "memory");
}

static bool
is_device(const void *p)
{
  return arena && (const char *)p >= arena && (const char *)p < arena + ADDRESSES;
}

/* All of it in one allocation that lives. */
static bool
is_allocated(const void *p, size_t size)
{
  if (!is_device(p))
    return false;
  const size_t at = (size_t)((const char *)p - arena);
  auto next = live.upper_bound(at);
  if (next == live.begin())
    return false;
  --next;
  return at + size <= next->first + next->second;
}

void
emulator_check_pointer(const void *p, const char *kernel)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (p && !is_allocated(p, 1))
    stop("an argument is neither NULL nor device memory", kernel);
}

static size_t
with_canary(size_t size)
{
  return (size + GRAIN - 1) / GRAIN * GRAIN + GRAIN;
}

cudaError_t
cudaMalloc(void **p, size_t size)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  *p = nullptr;
  if (lost)
    return cudaErrorDevicesUnavailable;
  if (!arena) { /* protecting it takes half of the time with small pages */
    arena = (char *)mmap(nullptr, ADDRESSES + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    arena += PAGE - (size_t)arena % PAGE;
    madvise(arena, ADDRESSES, MADV_HUGEPAGE);
  }
  size_t in_use = 0, at = 0;
  for (auto &a : live)
    in_use += a.second;
  if (size > ((size_t)emulator_machine("memory", 8192) << 20) - in_use)
    return last_error = cudaErrorMemoryAllocation;
  for (auto &a : live) { /* the first gap that is big enough */
    if (a.first - at >= with_canary(size))
      break;
    at = a.first + with_canary(a.second);
  }
  if (at + with_canary(size) > ADDRESSES)
    return cudaErrorMemoryAllocation;
  live[at] = size;
  arena_used = arena_used > at + with_canary(size) ? arena_used : (at + with_canary(size) + PAGE - 1) / PAGE * PAGE;
  protect(PROT_READ | PROT_WRITE);
  memset(arena + at, 0xFF, size); /* NaN */
  memset(arena + at + size, CANARY, with_canary(size) - size);
  protect(PROT_NONE);
  *p = arena + at;
  return cudaSuccess;
}

static std::vector<cudaStream_t> streams;

static void
run_all(cudaStream_t stream)
{
  protect(PROT_READ | PROT_WRITE);
  while (!stream->work.empty()) {
    if (emulator_machine("lost", 0) && ++pieces >= emulator_machine("lost", 0))
      lost = true;
    if (!lost)
      stream->work.front()();
    stream->work.pop_front();
  }
  protect(PROT_NONE);
}

/* Whether freeing waits is not for us to rely on. */
static void
check_idle(const char *name)
{
  for (cudaStream_t stream : streams)
    if (!stream->work.empty() && !lost)
      stop("there is work that may still use it", name);
}

cudaError_t
cudaFree(void *p)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (!p)
    return cudaSuccess;
  check_idle("cudaFree");
  protect(PROT_READ | PROT_WRITE);
  for (auto &a : live)
    for (size_t i = a.second; i < with_canary(a.second); i++)
      if ((unsigned char)arena[a.first + i] != CANARY)
        stop("something wrote behind its memory", "memory");
  protect(PROT_NONE);
  if (!is_device(p) || !live.erase((size_t)((char *)p - arena)))
    stop("not what cudaMalloc() gave", "cudaFree");
  return lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}

cudaError_t
cudaHostAlloc(void **p, size_t size, unsigned)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (lost)
    return cudaErrorDevicesUnavailable;
  pinned.insert(*p = malloc(size));
  memset(*p, 0xFF, size);
  return cudaSuccess;
}

cudaError_t
cudaFreeHost(void *p)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (!p)
    return cudaSuccess;
  check_idle("cudaFreeHost");
  if (!pinned.erase(p))
    stop("not what cudaHostAlloc() gave", "cudaFreeHost");
  free(p);
  return cudaSuccess;
}

/* --- streams --------------------------------------------------------------------------------------------------- */

cudaError_t
emulator_enqueue(cudaStream_t stream, std::function<void()> work)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (lost)
    return cudaErrorDevicesUnavailable;
  if (stream->device != current_device)
    stop("the thread's current device is another one than the stream's", "stream");
  stream->work.push_back(std::move(work));
  return cudaSuccess;
}

cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  streams.push_back(*stream = new CUstream_st{ current_device, {} });
  return cudaSuccess;
}

cudaError_t
cudaStreamSynchronize(cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  run_all(stream);
  return lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}

cudaError_t
cudaStreamDestroy(cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  run_all(stream);
  for (size_t i = 0; i < streams.size(); i++)
    if (streams[i] == stream)
      streams.erase(streams.begin() + (long)i);
  delete stream;
  return cudaSuccess;
}

cudaError_t
cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
  *event = new CUevent_st{ nullptr };
  return cudaSuccess;
}

cudaError_t
cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
  event->stream = stream;
  return lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}

cudaError_t
cudaEventSynchronize(cudaEvent_t event)
{
  return event->stream ? cudaStreamSynchronize(event->stream) : cudaSuccess;
}

cudaError_t
cudaEventDestroy(cudaEvent_t event)
{
  delete event;
  return cudaSuccess;
}

static void
check_copy(const void *p, size_t size, bool device, const char *name)
{
  if (device ? !is_allocated(p, size) : is_device(p))
    stop(device ? "not within device memory" : "device memory instead of host memory", name);
}

cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t size, enum cudaMemcpyKind kind, cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (lost)
    return cudaErrorDevicesUnavailable;
  check_copy(to, size, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice, "cudaMemcpyAsync, to");
  check_copy(from, size, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice, "cudaMemcpyAsync, from");
  return emulator_enqueue(stream, [=] { memcpy(to, from, size); });
}

cudaError_t
cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                  enum cudaMemcpyKind kind, cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (width > to_pitch || width > from_pitch)
    return cudaErrorInvalidPitchValue;
  if (kind != cudaMemcpyDeviceToDevice)
    stop("not emulated", "cudaMemcpy2DAsync");
  check_copy(to, (height - 1) * to_pitch + width, true, "cudaMemcpy2DAsync, to");
  check_copy(from, (height - 1) * from_pitch + width, true, "cudaMemcpy2DAsync, from");
  return emulator_enqueue(stream, [=] {
    for (size_t row = 0; row < height; row++)
      memcpy((char *)to + row * to_pitch, (const char *)from + row * from_pitch, width);
  });
}

cudaError_t
cudaMemsetAsync(void *p, int value, size_t size, cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(mutex);
  check_copy(p, size, true, "cudaMemsetAsync");
  return emulator_enqueue(stream, [=] { memset(p, value, size); });
}

/* --- the machine ----------------------------------------------------------------------------------------------- */

cudaError_t
cudaDriverGetVersion(int *version)
{
  *version = emulator_machine("driver", CUDART_VERSION);
  return cudaSuccess;
}

cudaError_t
cudaGetDeviceCount(int *n)
{
  *n = emulator_machine("devices", 2);
  return *n ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t
cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device)
{
  const int capability = emulator_machine(device ? "capability1" : "capability", 75);
  *value = attribute == cudaDevAttrComputeCapabilityMajor   ? capability / 10
           : attribute == cudaDevAttrComputeCapabilityMinor ? capability % 10
           : attribute == cudaDevAttrComputeMode            ? emulator_machine("mode", cudaComputeModeDefault)
                                                            : 0;
  return device < emulator_machine("devices", 2) ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t
cudaSetDevice(int device)
{
  if (device >= emulator_machine("devices", 2))
    return cudaErrorInvalidDevice;
  current_device = device;
  return lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}

cudaError_t
cudaGetLastError(void)
{
  const cudaError_t status = lost ? cudaErrorDevicesUnavailable : last_error;
  last_error = cudaSuccess;
  return status;
}

const char *
cudaGetErrorName(cudaError_t status)
{
  return status == cudaErrorMemoryAllocation     ? "cudaErrorMemoryAllocation"
         : status == cudaErrorDevicesUnavailable ? "cudaErrorDevicesUnavailable"
                                                 : "cudaError";
}

const char *
cudaGetErrorString(cudaError_t)
{
  return "emulated";
}

/* --- kernels --------------------------------------------------------------------------------------------------- */

/* The threads of a block take turns: each runs on a stack of its own until it waits for the others, or ends. They are
 * begun once and used again; jumps switch between them, which is far quicker than swapcontext(). */
#define STACK 65536
#define MOST_THREADS 256

static jmp_buf scheduler, fibers[MOST_THREADS];
static int running;
static bool ended[MOST_THREADS], synchronised, direct;
static const std::function<void()> *fiber_kernel;

static void
leave_fiber(int i)
{
  if (!_setjmp(fibers[i]))
    _longjmp(scheduler, 1);
}

static void
fiber_main()
{
  for (const int me = running;;) {
    leave_fiber(me);
    (*fiber_kernel)();
    ended[me] = true;
  }
}

static void
resume(int i)
{
  running = i;
  threadIdx = { (unsigned)i, 0, 0 };
  if (!_setjmp(scheduler))
    _longjmp(fibers[i], 1);
}

static void
begin_fibers()
{
  static ucontext_t contexts[MOST_THREADS];
  char *stacks =
      (char *)mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < MOST_THREADS; i++) {
    getcontext(&contexts[i]);
    contexts[i].uc_stack.ss_sp = stacks + (size_t)i * STACK;
    contexts[i].uc_stack.ss_size = STACK;
    makecontext(&contexts[i], fiber_main, 0);
    running = i;
    if (!_setjmp(scheduler))
      setcontext(&contexts[i]);
  }
}

void
emulator_synchronise_block()
{
  if (direct)
    stop("a block waits where the first one did not", "__syncthreads");
  const int me = running;
  synchronised = true;
  leave_fiber(me);
}

static void
run_block(int threads)
{
  int n_ended = 0;
  for (int i = 0; i < threads; i++)
    ended[i] = false;
  for (int turn = 0; n_ended < threads; turn++) {
    n_ended = 0;
    for (int k = 0; k < threads; k++) { /* the other way round every other turn: no order to rely on */
      const int i = turn % 2 ? threads - 1 - k : k;
      resume(i);
      n_ended += ended[i];
    }
    if (n_ended && n_ended < threads)
      stop("some threads of a block wait for others that have ended", "__syncthreads");
  }
}

static void
run_block_directly(int threads)
{
  for (int i = 0; i < threads; i++) {
    threadIdx = { (unsigned)i, 0, 0 };
    (*fiber_kernel)();
  }
}

void
emulator_run_grid(dim3 grid, int threads, const std::function<void()> &kernel)
{
  if (threads > MOST_THREADS || grid.y > 65535 || grid.x == 0 || grid.y == 0 || grid.z != 1)
    stop("not a grid", "launch");
  [[maybe_unused]] static const bool begun = (begin_fibers(), true);
  fiber_kernel = &kernel;
  gridDim = grid;
  synchronised = direct = false;
  for (unsigned y = 0; y < grid.y; y++)
    for (unsigned x = 0; x < grid.x; x++) {
      blockIdx = { x, y, 0 };
      direct = (x || y) && !synchronised; /* the first block tells whether its threads wait for each other */
      (direct ? run_block_directly : run_block)(threads);
    }
}
