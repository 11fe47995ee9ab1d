/* device.c - which GPU can run the backend, and in words why none can
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "device.h"

#include "cbigan.h"
#include "i18n.h"

/* The lowest capability that meson.build compiles machine code for */
#define LEAST_MAJOR 7
#define LEAST_MINOR 5

/* A driver runs programs of every CUDA version that has the driver's major version. */
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

/* All cuDNN releases of one major version have the functions that the backend calls. */
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

/* A function of the driver, which is not linked because it may be missing. version: the CUDA version that introduced
 * the function's present arguments. NULL: there is none. */
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

gboolean
cbigan_cuda_read_capability(CbiganCuda *self)
{
  int major = 0, minor = 0;
  if (!CBIGAN_CUDA_TRY(self, cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, self->device)) ||
      !CBIGAN_CUDA_TRY(self, cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, self->device)))
    return FALSE;
  self->capability = 10 * major + minor;
  return TRUE;
}
