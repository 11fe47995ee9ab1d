/* graph.cc - CUDA graphs, emulated: a capture keeps the work that its stream gets, a launch enqueues it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See emulator.h.
 */
#include "emulator_internal.h"

cudaError_t
cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (emulator_lost)
    return cudaErrorDevicesUnavailable;
  if (mode != cudaStreamCaptureModeThreadLocal)
    emulator_stop("other threads would not be allowed to use the GPU", "cudaStreamBeginCapture");
  if (stream->capture)
    return cudaErrorIllegalState;
  stream->capture = new CUgraph_st{ {} };
  stream->spoilt = false;
  emulator_capturing = stream;
  emulator_graphs++;
  return cudaSuccess;
}

cudaError_t
cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  *graph = nullptr;
  if (!stream->capture || emulator_capturing != stream)
    return cudaErrorIllegalState;
  emulator_capturing = nullptr;
  *graph = stream->capture;
  stream->capture = nullptr;
  if (!emulator_lost && !stream->spoilt)
    return cudaSuccess;
  cudaGraphDestroy(*graph);
  *graph = nullptr;
  return emulator_lost ? cudaErrorDevicesUnavailable : cudaErrorStreamCaptureInvalidated;
}

cudaError_t
cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  *exec = nullptr;
  if (emulator_lost)
    return cudaErrorDevicesUnavailable;
  if (emulator_graphs + 1 > emulator_machine("graphs", 1000))
    return emulator_fail(cudaErrorMemoryAllocation);
  emulator_graphs++;
  *exec = new CUgraphExec_st{ graph->work };
  return cudaSuccess;
}

/* Counts as one call of the host's. The pointers are checked at each launch. */
cudaError_t
cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
  static int launches;
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (++launches == emulator_machine("lostlaunch", 0))
    emulator_lost = true;
  if (emulator_lost)
    return cudaErrorDevicesUnavailable;
  emulator_check_stream(stream);
  emulator_counted("graph");
  for (EmulatorWork &work : exec->work) {
    emulator_check_pointers(work);
    work.owner = exec;
    emulator_run_later(stream, work);
  }
  return cudaSuccess;
}

cudaError_t
cudaGraphDestroy(cudaGraph_t graph)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  emulator_graphs--;
  delete graph;
  return cudaSuccess;
}

cudaError_t
cudaGraphExecDestroy(cudaGraphExec_t exec)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  emulator_check_idle("cudaGraphExecDestroy", {}, [=](const EmulatorWork &work) { return work.owner == exec; });
  emulator_graphs--;
  delete exec;
  return cudaSuccess;
}
