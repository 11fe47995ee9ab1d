/* emulator.cc - the part of the CUDA runtime that the cuda backend calls, on the processor
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See emulator.h. The environment variable CBIGAN_EMULATOR says what kind of machine it is, words "name=number"
 * separated by commas: driver=12040 devices=2 capability=61 memory=MIB cudnn=91900, and lost=N: the device is lost
 * with the N-th piece of work, lostlaunch=N: with the N-th launch of a graph. open=1: the host may touch device memory,
 * which is quicker to emulate. graphs=N: so many may exist at once. KERNEL=N, convolution=N: microseconds that it
 * takes, for events. uncapturable=N: the N-th piece of work in a capture can't be captured.
 */
#include "emulator.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "machine.h"

struct CUevent_st {
  cudaStream_t stream;
  double time;
};

std::recursive_mutex emulator_mutex;
thread_local cudaStream_t emulator_capturing;
bool emulator_lost;
int emulator_graphs;
static thread_local int current_device;
static thread_local cudaError_t last_error;
static long pieces;

#define ADDRESSES ((size_t)16 << 30)
#define PAGE ((size_t)2 << 20) /* a huge one */
#define GRAIN 256
#define CANARY 0xA5

static char *arena;
static size_t arena_used; /* the highest that was ever in use */
struct Allocation {
  size_t size;
  long number;
};

static std::map<size_t, Allocation> live; /* by offset */
static std::set<void *> pinned;

void
emulator_stop(const char *what, const char *name)
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
    emulator_stop("mprotect failed", "memory");
}

static bool
is_device(const void *p)
{
  return arena && (const char *)p >= arena && (const char *)p < arena + ADDRESSES;
}

/* The number of the allocation that all of it lies in; 0: none that lives. */
static long
allocation_of(const void *p, size_t size)
{
  if (!is_device(p))
    return 0;
  const size_t at = (size_t)((const char *)p - arena);
  auto next = live.upper_bound(at);
  if (next == live.begin())
    return 0;
  --next;
  return at + size <= next->first + next->second.size ? next->second.number : 0;
}

void
emulator_check_pointers(EmulatorWork &work)
{
  std::vector<long> now;
  for (const void *p : work.pointers) {
    now.push_back(p ? allocation_of(p, 1) : 0);
    if (p && !now.back())
      emulator_stop("an argument is neither NULL nor device memory", work.name);
  }
  if (!work.allocations.empty() && work.allocations != now)
    emulator_stop("a graph has pointers into memory that is somebody else's by now", work.name);
  work.allocations = now;
}

/* What a thread may not do while it captures spoils the capture. */
static bool
spoils()
{
  if (emulator_capturing)
    emulator_capturing->spoilt = true;
  return emulator_capturing != nullptr;
}

static size_t
with_canary(size_t size)
{
  return (size + GRAIN - 1) / GRAIN * GRAIN + GRAIN;
}

cudaError_t
cudaMalloc(void **p, size_t size)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  *p = nullptr;
  if (emulator_lost)
    return cudaErrorDevicesUnavailable;
  if (spoils())
    return cudaErrorStreamCaptureUnsupported;
  if (!arena) { /* protecting it takes half of the time with small pages */
    arena = (char *)mmap(nullptr, ADDRESSES + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    arena += PAGE - (size_t)arena % PAGE;
    madvise(arena, ADDRESSES, MADV_HUGEPAGE);
  }
  size_t in_use = 0, at = 0;
  for (auto &a : live)
    in_use += a.second.size;
  if (size + in_use > (size_t)emulator_machine("memory", 8192) << 20)
    return last_error = cudaErrorMemoryAllocation;
  for (auto &a : live) { /* the first gap that is big enough */
    if (a.first - at >= with_canary(size))
      break;
    at = a.first + with_canary(a.second.size);
  }
  if (at + with_canary(size) > ADDRESSES)
    return cudaErrorMemoryAllocation;
  static long number;
  live[at] = { size, ++number };
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
      emulator_lost = true;
    if (!emulator_lost)
      stream->work.front()();
    stream->work.pop_front();
  }
  protect(PROT_NONE);
}

void
emulator_check_idle(const char *name)
{
  for (cudaStream_t stream : streams)
    if (!stream->work.empty() && !emulator_lost)
      emulator_stop("there is work that may still use it", name);
}

cudaError_t
cudaMemGetInfo(size_t *available, size_t *all)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  *available = *all = (size_t)emulator_machine("memory", 8192) << 20;
  for (auto &a : live)
    *available -= a.second.size < *available ? a.second.size : *available;
  return emulator_lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}

cudaError_t
cudaFree(void *p)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (!p)
    return cudaSuccess;
  if (spoils())
    return cudaErrorStreamCaptureUnsupported;
  emulator_check_idle("cudaFree");
  protect(PROT_READ | PROT_WRITE);
  for (auto &a : live)
    for (size_t i = a.second.size; i < with_canary(a.second.size); i++)
      if ((unsigned char)arena[a.first + i] != CANARY)
        emulator_stop("something wrote behind its memory", "memory");
  protect(PROT_NONE);
  if (!is_device(p) || !live.erase((size_t)((char *)p - arena)))
    emulator_stop("not what cudaMalloc() gave", "cudaFree");
  return emulator_lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}

cudaError_t
cudaHostAlloc(void **p, size_t size, unsigned)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (emulator_lost)
    return cudaErrorDevicesUnavailable;
  if (spoils())
    return cudaErrorStreamCaptureUnsupported;
  pinned.insert(*p = malloc(size));
  memset(*p, 0xFF, size);
  return cudaSuccess;
}

cudaError_t
cudaFreeHost(void *p)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (!p)
    return cudaSuccess;
  emulator_check_idle("cudaFreeHost");
  if (!pinned.erase(p))
    emulator_stop("not what cudaHostAlloc() gave", "cudaFreeHost");
  free(p);
  return cudaSuccess;
}

/* --- streams --------------------------------------------------------------------------------------------------- */

int
emulator_cost(const char *kernel)
{
  char name[64];
  kernel += kernel[0] == '('; /* of a template */
  snprintf(name, sizeof name, "%.*s", (int)strcspn(kernel, "<"), kernel);
  return emulator_machine(name, 10);
}

void
emulator_run_later(cudaStream_t stream, const EmulatorWork &work)
{
  stream->work.push_back([=] {
    work.run();
    stream->clock += work.cost;
  });
}

cudaError_t
emulator_fail(cudaError_t status)
{
  return last_error = status;
}

void
emulator_check_stream(cudaStream_t stream)
{
  if (stream->device != current_device)
    emulator_stop("the thread's current device is another one than the stream's", "stream");
}

cudaError_t
emulator_enqueue(cudaStream_t stream, EmulatorWork work)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (emulator_lost)
    return last_error = cudaErrorDevicesUnavailable;
  emulator_check_stream(stream);
  emulator_check_pointers(work);
  if (!stream->capture) {
    emulator_run_later(stream, work);
    return cudaSuccess;
  }
  if ((int)stream->capture->work.size() + 1 == emulator_machine("uncapturable", 0) || stream->spoilt) {
    const cudaError_t status = stream->spoilt ? cudaErrorStreamCaptureInvalidated : cudaErrorStreamCaptureUnsupported;
    stream->spoilt = true;
    return last_error = status;
  }
  stream->capture->work.push_back(work);
  return cudaSuccess;
}

cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  streams.push_back(*stream = new CUstream_st{ current_device, {}, nullptr, false, 0 });
  return cudaSuccess;
}

cudaError_t
cudaStreamSynchronize(cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (stream->capture) {
    stream->spoilt = true;
    return cudaErrorStreamCaptureUnsupported;
  }
  run_all(stream);
  return emulator_lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}

cudaError_t
cudaStreamDestroy(cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
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
  *event = new CUevent_st{ nullptr, 0 };
  return cudaSuccess;
}

cudaError_t
cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
  event->stream = stream;
  return emulator_enqueue(stream, { "event", {}, 0, [=] { event->time = stream->clock; } });
}

cudaError_t
cudaEventSynchronize(cudaEvent_t event)
{
  return event->stream ? cudaStreamSynchronize(event->stream) : cudaSuccess;
}

cudaError_t
cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
  *ms = (float)(end->time - start->time) / 1000;
  return emulator_lost ? cudaErrorDevicesUnavailable : cudaSuccess;
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
  if (device ? !allocation_of(p, size) : is_device(p))
    emulator_stop(device ? "not within device memory" : "device memory instead of host memory", name);
}

cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t size, enum cudaMemcpyKind kind, cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (emulator_lost)
    return cudaErrorDevicesUnavailable;
  check_copy(to, size, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice, "cudaMemcpyAsync, to");
  check_copy(from, size, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice, "cudaMemcpyAsync, from");
  EmulatorWork work = { "copy", {}, 1, [=] { memcpy(to, from, size); }, {} };
  for (const void *p : { (const void *)to, from })
    if (is_device(p))
      work.pointers.push_back(p);
  return emulator_enqueue(stream, work);
}

cudaError_t
cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                  enum cudaMemcpyKind kind, cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (width > to_pitch || width > from_pitch)
    return cudaErrorInvalidPitchValue;
  if (kind != cudaMemcpyDeviceToDevice)
    emulator_stop("not emulated", "cudaMemcpy2DAsync");
  check_copy(to, (height - 1) * to_pitch + width, true, "cudaMemcpy2DAsync, to");
  check_copy(from, (height - 1) * from_pitch + width, true, "cudaMemcpy2DAsync, from");
  return emulator_enqueue(stream, { "copy", { to, from }, 1, [=] {
                                     for (size_t row = 0; row < height; row++)
                                       memcpy((char *)to + row * to_pitch, (const char *)from + row * from_pitch,
                                              width);
                                   } });
}

cudaError_t
cudaMemsetAsync(void *p, int value, size_t size, cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  check_copy(p, size, true, "cudaMemsetAsync");
  return emulator_enqueue(stream, { "memset", { p }, 1, [=] { memset(p, value, size); } });
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
  return emulator_lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}

cudaError_t
cudaGetLastError(void)
{
  const cudaError_t status = emulator_lost ? cudaErrorDevicesUnavailable : last_error;
  last_error = cudaSuccess;
  return status;
}

const char *
cudaGetErrorName(cudaError_t status)
{
  return status == cudaErrorMemoryAllocation           ? "cudaErrorMemoryAllocation"
         : status == cudaErrorDevicesUnavailable       ? "cudaErrorDevicesUnavailable"
         : status == cudaErrorStreamCaptureUnsupported ? "cudaErrorStreamCaptureUnsupported"
         : status == cudaErrorStreamCaptureInvalidated ? "cudaErrorStreamCaptureInvalidated"
                                                       : "cudaError";
}

const char *
cudaGetErrorString(cudaError_t)
{
  return "emulated";
}
