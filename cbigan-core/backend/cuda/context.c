/* context.c - how a failed call is kept; the current context of a thread
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "context.h"

#include "model/network.h"

static void
keep_failure(CbiganBackend *self, const char *call, const char *file, int line, const char *code, const char *why)
{
  cudaGetLastError(); /* clears the error, or the next launch would report it again */
  g_autofree char *name = g_path_get_basename(file);
  cbigan_backend_fail(self, "%s:%d: %s: %s (%s)", name, line, call, code, why);
}

gboolean
cbigan_cuda_check(CbiganBackend *self, cudaError_t status, const char *call, const char *file, int line)
{
  if (status != cudaSuccess)
    keep_failure(self, call, file, line, cudaGetErrorName(status), cudaGetErrorString(status));
  return status == cudaSuccess;
}

gboolean
cbigan_cudnn_check(CbiganBackend *self, cudnnStatus_t status, const char *call, const char *file, int line)
{
  char why[256] = "";
  if (status == CUDNN_STATUS_SUCCESS)
    return TRUE;
  cudnnGetLastErrorString(why, sizeof why);
  keep_failure(self, call, file, line, cudnnGetErrorString(status), why);
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
cbigan_cuda_enter(CbiganBackend *base)
{
  CbiganCuda *self = (CbiganCuda *)base;
  if (self->context)
    CBIGAN_CUDA_TRY(self, self->set_current(self->context));
  else
    CBIGAN_CUDA_TRY(self, cudaSetDevice(self->device));
}

CbiganCudaActivation
cbigan_cuda_activation(CbiganActivation activation)
{
  static const CbiganCudaActivation activations[] = {
    [CBIGAN_LINEAR] = { .slope = 1.0f },
    [CBIGAN_LEAKY] = { .slope = CBIGAN_LEAKY_SLOPE },
    [CBIGAN_TANH] = { .tanh = TRUE },
  };
  return activations[activation];
}
