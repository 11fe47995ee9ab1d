/* stream.cc - streams and events, emulated: work is queued, and done when somebody waits for it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See emulator.h. Only cudaStreamWaitEvent() orders two streams. Waiting for one stream leaves the work of the others
 * undone, unless that stream waits for them. With eager=1 the contrary: a copy from the host is done as soon as nothing
 * stands before it in its own stream. A program that relies on an order that it did not ask for fails in one of them.
 */
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "emulator_internal.h"

/* Shared, so it lives as long as work waits for it. */
struct EmulatorEvent {
  cudaStream_t stream;
  long recorded, done; /* recordings that were asked for, and the last one that the stream has reached */
};

struct CUevent_st {
  CUcontext context;
  std::shared_ptr<EmulatorEvent> state;
};

static std::vector<cudaStream_t> streams;
static std::map<std::string, long> counts;

/* What the host has asked for so far: "launch" of a kernel, a convolution, a copy or a memset, "convolution" or a
 * kernel by its name, "graph" launched, "copy" and "pageable" copy between host and device, "wait" for work not done
 * yet. */
extern "C" long
emulator_count(const char *what)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  return counts[what];
}

void
emulator_counted(const char *what)
{
  counts[what]++;
}

/* --- order ----------------------------------------------------------------------------------------------------- */

static void run_until(const std::shared_ptr<EmulatorEvent> &event, long number);

static void
run_front(cudaStream_t stream)
{
  static long pieces;
  EmulatorWork work = std::move(stream->work.front());
  stream->work.pop_front();
  if (emulator_machine("lost", 0) && ++pieces >= emulator_machine("lost", 0))
    emulator_lost = true;
  if (emulator_lost)
    return;
  if (work.event && work.kind == EMULATOR_WAIT)
    run_until(work.event, work.number);
  work.run();
}

static void
run_until(const std::shared_ptr<EmulatorEvent> &event, long number)
{
  while (event->done < number && !emulator_lost) {
    if (event->stream->work.empty())
      emulator_stop("it is waited for, but nobody gets there", "event");
    run_front(event->stream);
  }
}

/* With eager=1: does all that need not wait for a kernel. */
static void
run_copies()
{
  if (!emulator_machine("eager", 0))
    return;
  emulator_open_memory(true);
  for (bool done = true; done;) {
    done = false;
    for (cudaStream_t stream : streams)
      while (!stream->work.empty()) {
        const EmulatorWork &work = stream->work.front();
        if (work.kind != EMULATOR_EVENT && !(work.kind == EMULATOR_COPY && work.host) &&
            !(work.kind == EMULATOR_WAIT && work.event->done >= work.number))
          break;
        run_front(stream);
        done = true;
      }
  }
  emulator_open_memory(false);
}

static void
run_all(cudaStream_t stream)
{
  emulator_open_memory(true);
  while (!stream->work.empty())
    run_front(stream);
  emulator_open_memory(false);
  run_copies();
}

/* A kernel counts as using all memory that its stream has used, as pointers inside its arguments are not known. */
void
emulator_check_idle(const char *name, const std::set<cudaStream_t> &users,
                    const std::function<bool(const EmulatorWork &)> &uses)
{
  for (cudaStream_t stream : streams)
    for (const EmulatorWork &work : stream->work)
      if (!emulator_lost && ((work.kind == EMULATOR_KERNEL && users.count(stream)) || uses(work)))
        emulator_stop("there is work that may still use it", name);
}

/* --- streams --------------------------------------------------------------------------------------------------- */

void
emulator_run_later(cudaStream_t stream, const EmulatorWork &work)
{
  emulator_use(stream, work);
  stream->work.push_back(work);
  run_copies();
}

void
emulator_check_stream(cudaStream_t stream)
{
  if (stream->context != emulator_context())
    emulator_stop("the thread's current context is another one than the stream's", "stream");
}

bool
emulator_owns_streams(CUcontext context)
{
  for (cudaStream_t stream : streams)
    if (stream->context == context)
      return true;
  return false;
}

cudaError_t
emulator_enqueue(cudaStream_t stream, EmulatorWork work)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (emulator_lost)
    return emulator_fail(cudaErrorDevicesUnavailable);
  emulator_check_stream(stream);
  emulator_check_pointers(work);
  if (!stream->capture) {
    if (work.kind == EMULATOR_KERNEL || work.kind == EMULATOR_COPY)
      emulator_counted("launch");
    if (work.kind == EMULATOR_KERNEL)
      emulator_counted(work.name);
    emulator_run_later(stream, work);
    return cudaSuccess;
  }
  if ((int)stream->capture->work.size() + 1 == emulator_machine("uncapturable", 0) || stream->spoilt) {
    const cudaError_t status = stream->spoilt ? cudaErrorStreamCaptureInvalidated : cudaErrorStreamCaptureUnsupported;
    stream->spoilt = true;
    return emulator_fail(status);
  }
  stream->capture->work.push_back(work);
  return cudaSuccess;
}

cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  streams.push_back(*stream = new CUstream_st{ emulator_context(), {}, nullptr, false });
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
  if (!stream->work.empty())
    emulator_counted("wait");
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
  *event = new CUevent_st{ emulator_context(), std::make_shared<EmulatorEvent>() };
  return cudaSuccess;
}

cudaError_t
cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (stream->capture)
    emulator_stop("in a capture it is not emulated", "cudaEventRecord");
  if (event->context != stream->context)
    return emulator_fail(cudaErrorInvalidResourceHandle);
  std::shared_ptr<EmulatorEvent> state = event->state;
  const long number = ++state->recorded;
  state->stream = stream;
  EmulatorWork work = { "event", {}, [=] { state->done = number; } };
  work.kind = EMULATOR_EVENT;
  work.event = state;
  return emulator_enqueue(stream, work);
}

/* Waits for the event's last recording before this call. The event may belong to another context. */
cudaError_t
cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (flags)
    emulator_stop("flags are not emulated", "cudaStreamWaitEvent");
  if (stream->capture) { /* the event was recorded outside of the capture */
    stream->spoilt = true;
    return emulator_fail(cudaErrorStreamCaptureIsolation);
  }
  EmulatorWork work = { "wait", {}, [] {} };
  work.kind = EMULATOR_WAIT;
  work.event = event->state;
  work.number = event->state->recorded;
  if (work.event->stream)
    emulator_use_all(stream, work.event->stream);
  return emulator_enqueue(stream, work);
}

cudaError_t
cudaEventSynchronize(cudaEvent_t event)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (emulator_spoils())
    return cudaErrorStreamCaptureUnsupported;
  if (event->state->done < event->state->recorded)
    emulator_counted("wait");
  emulator_open_memory(true);
  run_until(event->state, event->state->recorded);
  emulator_open_memory(false);
  run_copies();
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
  if (device ? !emulator_allocation(p, size) : emulator_is_device(p))
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
  EmulatorWork work = { "copy", {}, [=] { memcpy(to, from, size); } };
  work.kind = EMULATOR_COPY;
  for (const void *p : { (const void *)to, from })
    if (emulator_is_device(p))
      work.pointers.push_back(p);
    else
      work.host = p;
  if (work.host && !stream->capture)
    emulator_counted(emulator_is_pinned(work.host, size) ? "copy" : "pageable");
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
  return emulator_enqueue(stream, { "copy", { to, from }, [=] {
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
  return emulator_enqueue(stream, { "memset", { p }, [=] { memset(p, value, size); } });
}
