/* emulator_internal.h - functions and types that the emulator's files share
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
  cudaGraph_t capture; /* the graph that its work goes into; nullptr: none */
  bool spoilt;         /* the capture is invalid */
};

extern std::recursive_mutex emulator_mutex;
extern thread_local cudaStream_t emulator_capturing; /* the stream that this thread captures; nullptr: none */
extern bool emulator_lost;                           /* the device is lost */
extern int emulator_graphs;                          /* graphs and executable graphs that exist */

/* The number of a word of CBIGAN_EMULATOR; otherwise: if the word is missing */
int emulator_machine(const char *name, int otherwise);
/* Ends the program: it did something that is an error on every GPU. */
[[noreturn]] void emulator_stop(const char *what, const char *name);
/* Makes device memory readable and writable until it is closed as often as it was opened. */
void emulator_open_memory(bool open);
bool emulator_is_device(const void *p);
/* Whether it is memory of cudaHostAlloc() */
bool emulator_is_pinned(const void *p, size_t size);
/* The number of the allocation that contains the range; 0: none. Ends the program if the allocation belongs to another
 * context than the thread's current one. */
long emulator_allocation(const void *p, size_t size);
/* Whether any allocation, or stream, belongs to the context */
bool emulator_owns_memory(CUcontext context);
bool emulator_owns_streams(CUcontext context);
/* Notes that a stream uses the work's memory; or, since it waits for `other`, all that `other` has used. */
void emulator_use(cudaStream_t stream, const EmulatorWork &work);
void emulator_use_all(cudaStream_t stream, cudaStream_t other);
/* Invalidates the capture of the calling thread; FALSE: it captures nothing. */
bool emulator_spoils();
/* Counts one more for emulator_count(). */
void emulator_counted(const char *what);
/* Ends the program if work that is not done yet uses something that is about to be freed. users: streams that used it
 */
void emulator_check_idle(const char *name, const std::set<cudaStream_t> &users,
                         const std::function<bool(const EmulatorWork &)> &uses);
/* Ends the program unless the pointers are device memory, in the same allocations as the first time. */
void emulator_check_pointers(EmulatorWork &work);
/* Ends the program unless the stream belongs to the thread's current context. */
void emulator_check_stream(cudaStream_t stream);
void emulator_run_later(cudaStream_t stream, const EmulatorWork &work);
/* context.cc: the calling thread's current context; if it has none, the first device's primary one becomes current */
CUcontext emulator_context();
int emulator_context_device(CUcontext context);
/* As cuCtxCreate() (which pushes the context), cuCtxDestroy(), cuCtxPushCurrent(), cuCtxPopCurrent() */
CUcontext emulator_context_new(int device);
void emulator_context_destroy(CUcontext context);
CUresult emulator_context_push(CUcontext context);
CUresult emulator_context_pop(CUcontext *context);
/* Keeps the status for cudaGetLastError(), and returns it. */
cudaError_t emulator_fail(cudaError_t status);
