/* device.c - which GPU can run this, and in words why none can; how failures are told
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cuda/cuda.h"
#include "cbigan.h"
#include "i18n.h"

/* Machine code is made for chips of this capability and later: meson.build. */
#define LEAST_MAJOR 7
#define LEAST_MINOR 5

gboolean
cbigan_cuda_check(CbiganBackend *self, cudaError_t status, const char *call, const char *file, int line)
{
  if (status == cudaSuccess)
    return TRUE;
  cudaGetLastError(); /* or the next launch would report it again */
  g_autofree char *name = g_path_get_basename(file);
  cbigan_backend_fail(self, "%s:%d: %s: %s (%s)", name, line, call, cudaGetErrorName(status),
                      cudaGetErrorString(status));
  return FALSE;
}

gboolean
cbigan_cudnn_check(CbiganBackend *self, cudnnStatus_t status, const char *call, const char *file, int line)
{
  if (status == CUDNN_STATUS_SUCCESS)
    return TRUE;
  cudaGetLastError(); /* it may have left one there */
  g_autofree char *name = g_path_get_basename(file);
  char why[256] = "";
  cudnnGetLastErrorString(why, sizeof why);
  cbigan_backend_fail(self, "%s:%d: %s: %s (%s)", name, line, call, cudnnGetErrorString(status), why);
  return FALSE;
}

gboolean
cbigan_cuda_report(CbiganCuda *self, GError **error)
{
  if (!self->base.failure)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&self->base.failure));
  return FALSE;
}

void
cbigan_cuda_enter(CbiganCuda *self)
{
  if (self->context)
    CBIGAN_CUDA_TRY(self, self->set_current(self->context));
  else
    CBIGAN_CUDA_TRY(self, cudaSetDevice(self->device));
}

/* Within one major version a driver runs what a later minor version made. */
static char *
why_not_driver(void)
{
  int driver = 0;
  cudaError_t status = cudaDriverGetVersion(&driver);
  if (status != cudaSuccess || driver == 0)
    return g_strdup(_("there is no NVIDIA driver"));
  if (driver / 1000 < CUDART_VERSION / 1000)
    return g_strdup_printf(_("the NVIDIA driver is for CUDA %d.%d, CUDA %d.0 or later is needed"), driver / 1000,
                           driver % 1000 / 10, CUDART_VERSION / 1000);
  return NULL;
}

/* Any of the major version has what is called here. */
static char *
why_not_cudnn(void)
{
  gsize version = cudnnGetVersion();
  return version / 10000 == CUDNN_MAJOR ? NULL
                                        : g_strdup_printf(_("cuDNN is of version %zu.%zu, %d is needed"),
                                                          version / 10000, version % 10000 / 100, CUDNN_MAJOR);
}

static char *
why_not_device(int device)
{
  int major = 0, minor = 0, mode = cudaComputeModeDefault;
  cudaError_t status = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  if (status == cudaSuccess)
    status = cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  if (status == cudaSuccess)
    status = cudaDeviceGetAttribute(&mode, cudaDevAttrComputeMode, device);
  if (status != cudaSuccess)
    return g_strdup_printf(_("GPU %d can't be asked: %s (%s)"), device, cudaGetErrorName(status),
                           cudaGetErrorString(status));
  if (major < LEAST_MAJOR || (major == LEAST_MAJOR && minor < LEAST_MINOR))
    return g_strdup_printf(_("GPU %d has compute capability %d.%d, %d.%d or later is needed"), device, major, minor,
                           LEAST_MAJOR, LEAST_MINOR);
  if (mode == cudaComputeModeProhibited)
    return g_strdup_printf(_("GPU %d is set to run no programs (compute mode “prohibited”)"), device);
  return NULL;
}

/* The driver's own functions, without linking it: it may be missing. version: the CUDA version that brought it */
static gpointer
find_in_driver(const char *name, unsigned version)
{
  enum cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  void *function = NULL;
  cudaError_t status = cudaGetDriverEntryPointByVersion(name, &function, version, cudaEnableDefault, &found);
  return status == cudaSuccess && found == cudaDriverEntryPointSuccess ? function : NULL;
}

char *
cbigan_cuda_use_context(CbiganCuda *self, gpointer context)
{
  char *why = why_not_driver();
  if (why)
    return why;
  self->context = context;
  self->set_current = find_in_driver("cuCtxSetCurrent", 4000);
  cudaError_t (*get_device)(int *device) = find_in_driver("cuCtxGetDevice", 2000);
  if (!self->set_current || !get_device)
    return g_strdup(_("the NVIDIA driver has no function to make a context current"));
  cudaError_t status = self->set_current(context);
  if (status == cudaSuccess)
    status = get_device(&self->device);
  return status == cudaSuccess ? NULL
                               : g_strdup_printf(_("the CUDA context can't be used: %s (%s)"), cudaGetErrorName(status),
                                                 cudaGetErrorString(status));
}

char *
cbigan_cuda_unavailable(int device)
{
  char *why = why_not_driver();
  if (!why)
    why = why_not_cudnn();
  if (why)
    return why;
  int n = 0;
  cudaError_t status = cudaGetDeviceCount(&n);
  if (status == cudaErrorNoDevice || (status == cudaSuccess && n == 0))
    return g_strdup(_("there is no NVIDIA GPU"));
  if (status != cudaSuccess)
    return g_strdup_printf(_("the NVIDIA driver says: %s (%s)"), cudaGetErrorName(status), cudaGetErrorString(status));
  if (device >= n)
    return g_strdup_printf(_("there is no GPU %d, only 0 to %d"), device, n - 1);
  if (device >= 0)
    return why_not_device(device);
  why = why_not_device(0);
  for (int i = 1; why && i < n; i++) {
    g_autofree char *reason = why_not_device(i);
    if (!reason)
      g_clear_pointer(&why, g_free);
  }
  return why;
}
