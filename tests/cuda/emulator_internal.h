/* emulator_internal.h - what the emulator's files share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <cuda.h>

#include <deque>
#include <mutex>
#include <set>

#include "emulator.h"

struct CUgraph_st {
  std::vector<EmulatorWork> work;
};

struct CUgraphExec_st {
  std::vector<EmulatorWork> work;
};

struct CUstream_st {
  CUcontext context;
  std::deque<EmulatorWork> work;
  cudaGraph_t capture; /* that its work goes into, or nullptr */
  bool spoilt;         /* the capture is */
};

extern std::recursive_mutex emulator_mutex;
extern thread_local cudaStream_t emulator_capturing; /* the stream that this thread captures, or nullptr */
extern bool emulator_lost;                           /* the device is */
extern int emulator_graphs;                          /* that exist, of either kind */

/* A number of CBIGAN_EMULATOR. */
int emulator_machine(const char *name, int otherwise);
/* Ends the program: it does what no GPU would forgive. */
[[noreturn]] void emulator_stop(const char *what, const char *name);
/* Device memory may be touched, as often as it is opened and until it is closed as often. */
void emulator_open_memory(bool open);
bool emulator_is_device(const void *p);
/* Memory of cudaHostAlloc() */
bool emulator_is_pinned(const void *p, size_t size);
/* The number of the allocation that all of it lies in; 0: none that lives. Ends the program where it is of another
 * context than the thread's current one. */
long emulator_allocation(const void *p, size_t size);
/* Whether there is any that is of that context */
bool emulator_owns_memory(CUcontext context);
bool emulator_owns_streams(CUcontext context);
/* This work is the stream's; what was used in `other` is used in this stream too, which waits for it. */
void emulator_use(cudaStream_t stream, const EmulatorWork &work);
void emulator_use_all(cudaStream_t stream, cudaStream_t other);
/* What a thread may not do while it captures spoils the capture. */
bool emulator_spoils();
/* One more for emulator_count() */
void emulator_counted(const char *what);
/* Whether freeing waits is not for us to rely on. users: streams that had work with it */
void emulator_check_idle(const char *name, const std::set<cudaStream_t> &users,
                         const std::function<bool(const EmulatorWork &)> &uses);
/* They are, and of the same allocations as the first time, in memory that has not been given away since. */
void emulator_check_pointers(EmulatorWork &work);
/* The thread's current context is the stream's. */
void emulator_check_stream(cudaStream_t stream);
void emulator_run_later(cudaStream_t stream, const EmulatorWork &work);
/* context.cc: the calling thread's current one; without one, the runtime takes the first device's primary one */
CUcontext emulator_context();
int emulator_context_device(CUcontext context);
/* As cuCtxCreate(), which pushes it, and so on. */
CUcontext emulator_context_new(int device);
void emulator_context_destroy(CUcontext context);
CUresult emulator_context_push(CUcontext context);
CUresult emulator_context_pop(CUcontext *context);
/* Keeps it for cudaGetLastError(). */
cudaError_t emulator_fail(cudaError_t status);
