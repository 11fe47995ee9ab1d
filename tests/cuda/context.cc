/* context.cc - the driver's contexts, emulated: each thread has a stack of them, whose top is current
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See emulator.h. Memory, streams and events belong to the context that was current when they were made. Using them in
 * another one ends the program, and so does destroying a context that is in use.
 */
#include <cstring>
#include <map>
#include <set>

#include "emulator_internal.h"

struct CUctx_st {
  int device;
};

static std::map<int, CUcontext> primaries;
static std::set<CUcontext> destroyed;
static thread_local std::vector<CUcontext> stack;

static CUcontext
primary(int device)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  CUcontext &context = primaries[device];
  if (!context)
    context = new CUctx_st{ device };
  return context;
}

static void
set_current(CUcontext context)
{
  if (!stack.empty())
    stack.pop_back();
  if (context)
    stack.push_back(context);
}

CUcontext
emulator_context()
{
  if (stack.empty())
    stack.push_back(primary(0));
  return stack.back();
}

int
emulator_context_device(CUcontext context)
{
  return context->device;
}

static bool
is_destroyed(CUcontext context)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  return destroyed.count(context) > 0;
}

CUcontext
emulator_context_new(int device)
{
  stack.push_back(new CUctx_st{ device });
  return stack.back();
}

void
emulator_context_destroy(CUcontext context)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  if (emulator_owns_memory(context) || emulator_owns_streams(context))
    emulator_stop("somebody's memory or stream would go with it", "cuCtxDestroy");
  destroyed.insert(context); /* not freed, so no other context gets its address */
  if (!stack.empty() && stack.back() == context)
    stack.pop_back();
}

CUresult
emulator_context_push(CUcontext context)
{
  if (is_destroyed(context))
    return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  stack.push_back(context);
  return CUDA_SUCCESS;
}

CUresult
emulator_context_pop(CUcontext *context)
{
  if (stack.empty())
    return CUDA_ERROR_INVALID_CONTEXT;
  if (context)
    *context = stack.back();
  stack.pop_back();
  return CUDA_SUCCESS;
}

/* --- functions of the driver that are looked up by name --------------------------------------------------------- */

static CUresult CUDAAPI
driver_set_current(CUcontext context)
{
  if (is_destroyed(context))
    return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  set_current(context);
  return emulator_lost ? (CUresult)cudaErrorDevicesUnavailable : CUDA_SUCCESS;
}

static CUresult CUDAAPI
driver_get_device(CUdevice *device)
{
  if (stack.empty())
    return CUDA_ERROR_INVALID_CONTEXT;
  *device = stack.back()->device;
  return CUDA_SUCCESS;
}

cudaError_t
cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version, unsigned long long,
                                 enum cudaDriverEntryPointQueryResult *result)
{
  static const struct {
    const char *name;
    unsigned version; /* of CUDA that introduced its present arguments */
    void *function;
  } known[] = {
    { "cuCtxSetCurrent", 4000, (void *)driver_set_current },
    { "cuCtxGetDevice", 2000, (void *)driver_get_device },
  };
  *function = nullptr;
  *result = cudaDriverEntryPointSymbolNotFound;
  for (auto &row : known)
    if (!strcmp(row.name, name) && version == row.version) {
      *function = row.function;
      *result = cudaDriverEntryPointSuccess;
    }
  return cudaSuccess;
}

cudaError_t
cudaSetDevice(int device)
{
  if (device >= emulator_machine("devices", 2))
    return cudaErrorInvalidDevice;
  set_current(primary(device));
  return emulator_lost ? cudaErrorDevicesUnavailable : cudaSuccess;
}
