/* runtime.cc - the part of the CUDA runtime that the cuda backend calls, emulated: memory, and the machine
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See emulator.h. The environment variable CBIGAN_EMULATOR describes the machine by words "name=number", separated by
 * commas:
 *   driver=12040 devices=2 capability=61 memory=MIB cudnn=91900 mode=2: as CUDA and cuDNN report them
 *   lost=N, lostlaunch=N: the device is lost with the N-th piece of work, or launch of a graph
 *   open=1: the host may touch device memory, which is faster to emulate
 *   graphs=N, pinned=KIB: the most graphs at once; the most pinned memory in one piece
 *   refused=N: cuDNN refuses the algorithm of that number
 *   uncapturable=N: the N-th piece of work of a capture can't be captured
 *   eager=1: copies from the host are done as early as possible instead of as late as possible
 */
#include "emulator.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "emulator_internal.h"

std::recursive_mutex emulator_mutex;
thread_local cudaStream_t emulator_capturing;
bool emulator_lost;
int emulator_graphs;
static thread_local cudaError_t last_error;

#define ADDRESSES ((size_t)16 << 30)
#define PAGE ((size_t)2 << 20) /* a huge one */
#define GRAIN 256
#define CANARY 0xA5

static char *arena;
static size_t arena_used; /* the highest offset ever in use */
struct Allocation {
  size_t size;
  long number;
  CUcontext context;
  std::set<cudaStream_t> users; /* streams that have used it */
};

struct Pinned {
  size_t size;
  std::set<cudaStream_t> users;
};

static std::map<size_t, Allocation> live; /* by offset */
static std::map<const void *, Pinned> pinned;

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

void
emulator_open_memory(bool open)
{
  static int depth; /* nested, as one stream's work may wait for another's */
  if (open ? depth++ == 0 : --depth == 0)
    protect(open ? PROT_READ | PROT_WRITE : PROT_NONE);
}

bool
emulator_is_device(const void *p)
{
  return arena && (const char *)p >= arena && (const char *)p < arena + ADDRESSES;
}

static Allocation *
find_allocation(const void *p, size_t size)
{
  const size_t at = (size_t)((const char *)p - arena);
  auto next = live.upper_bound(at);
  if (!emulator_is_device(p) || next == live.begin())
    return nullptr;
  --next;
  return at + size <= next->first + next->second.size ? &next->second : nullptr;
}

long
emulator_allocation(const void *p, size_t size)
{
  const Allocation *allocation = find_allocation(p, size);
  if (allocation && allocation->context != emulator_context())
    emulator_stop("it is of another context than the thread's current one", "memory");
  return allocation ? allocation->number : 0;
}

bool
emulator_owns_memory(CUcontext context)
{
  for (auto &a : live)
    if (a.second.context == context)
      return true;
  return false;
}

static Pinned *
find_pinned(const void *p, size_t size)
{
  auto next = pinned.upper_bound(p);
  if (next == pinned.begin())
    return nullptr;
  --next;
  return (const char *)p + size <= (const char *)next->first + next->second.size ? &next->second : nullptr;
}

bool
emulator_is_pinned(const void *p, size_t size)
{
  return find_pinned(p, size) != nullptr;
}

void
emulator_use(cudaStream_t stream, const EmulatorWork &work)
{
  for (const void *p : work.pointers)
    if (p)
      find_allocation(p, 1)->users.insert(stream);
  if (Pinned *host = find_pinned(work.host, 1))
    host->users.insert(stream);
}

void
emulator_use_all(cudaStream_t stream, cudaStream_t other)
{
  for (auto &a : live)
    if (a.second.users.count(other))
      a.second.users.insert(stream);
}

void
emulator_check_pointers(EmulatorWork &work)
{
  std::vector<long> now;
  for (const void *p : work.pointers) {
    now.push_back(p ? emulator_allocation(p, 1) : 0);
    if (p && !now.back())
      emulator_stop("an argument is neither NULL nor device memory", work.name);
  }
  if (!work.allocations.empty() && work.allocations != now)
    emulator_stop("a graph has pointers into memory that is somebody else's by now", work.name);
  work.allocations = now;
}

bool
emulator_spoils()
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
  if (emulator_spoils())
    return cudaErrorStreamCaptureUnsupported;
  if (!arena) { /* with small pages, mprotect() would take half of the time */
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
  live[at] = { size, ++number, emulator_context(), {} };
  arena_used = arena_used > at + with_canary(size) ? arena_used : (at + with_canary(size) + PAGE - 1) / PAGE * PAGE;
  protect(PROT_READ | PROT_WRITE);
  memset(arena + at, 0xFF, size); /* NaN */
  memset(arena + at + size, CANARY, with_canary(size) - size);
  protect(PROT_NONE);
  *p = arena + at;
  return cudaSuccess;
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
  if (emulator_spoils())
    return cudaErrorStreamCaptureUnsupported;
  if (long number = emulator_allocation(p, 1))
    emulator_check_idle("cudaFree", find_allocation(p, 1)->users, [=](const EmulatorWork &work) {
      for (long used : work.allocations)
        if (used == number)
          return true;
      return false;
    });
  protect(PROT_READ | PROT_WRITE);
  for (auto &a : live)
    for (size_t i = a.second.size; i < with_canary(a.second.size); i++)
      if ((unsigned char)arena[a.first + i] != CANARY)
        emulator_stop("something wrote behind its memory", "memory");
  protect(PROT_NONE);
  if (!emulator_is_device(p) || !live.erase((size_t)((char *)p - arena)))
    emulator_stop("not what cudaMalloc() gave", "cudaFree");
  return emulator_lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}

cudaError_t
cudaHostAlloc(void **p, size_t size, unsigned)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (emulator_lost)
    return cudaErrorDevicesUnavailable;
  if (emulator_spoils())
    return cudaErrorStreamCaptureUnsupported;
  if (size > (size_t)emulator_machine("pinned", 1 << 20) << 10)
    return last_error = cudaErrorMemoryAllocation;
  *p = aligned_alloc(GRAIN, (size + GRAIN - 1) / GRAIN * GRAIN);
  pinned[*p] = { size, {} };
  memset(*p, 0xFF, size);
  return cudaSuccess;
}

cudaError_t
cudaFreeHost(void *p)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (!p)
    return cudaSuccess;
  if (emulator_spoils())
    return cudaErrorStreamCaptureUnsupported;
  if (!pinned.count(p))
    emulator_stop("not what cudaHostAlloc() gave", "cudaFreeHost");
  emulator_check_idle("cudaFreeHost", pinned[p].users, [=](const EmulatorWork &work) {
    return work.host && work.host >= p && work.host < (char *)p + pinned[p].size;
  });
  pinned.erase(p);
  free(p);
  return cudaSuccess;
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
emulator_fail(cudaError_t status)
{
  return last_error = status;
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
         : status == cudaErrorStreamCaptureIsolation   ? "cudaErrorStreamCaptureIsolation"
         : status == cudaErrorStreamCaptureInvalidated ? "cudaErrorStreamCaptureInvalidated"
         : status == cudaErrorContextIsDestroyed       ? "cudaErrorContextIsDestroyed"
                                                       : "cudaError";
}

const char *
cudaGetErrorString(cudaError_t)
{
  return "emulated";
}
