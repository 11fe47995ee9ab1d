/* cuda_module.c - the cuda backend as the library sees it: a module that may be missing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The row in backend.c's list. The backend itself lies in cuda/ and is built where there is CUDA; nothing of CUDA is
 * linked here. What open() returns has the module's own class.
 */
#include "backend.h"
#include "cbigan.h"
#include "i18n.h"
#include "module.h"

static const CbiganBackendClass *
load(char **why)
{
  return cbigan_module_open("cbigan-cuda", why);
}

static char *
unavailable(void)
{
  char *why = NULL;
  const CbiganBackendClass *klass = load(&why);
  return klass ? klass->unavailable() : why;
}

static CbiganBackend *
cuda_open(const CbiganBackendOptions *options, GError **error)
{
  g_autofree char *why = NULL;
  const CbiganBackendClass *klass = load(&why);
  if (!klass) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, why);
    return NULL;
  }
  CbiganBackend *self = klass->open(options, error);
  if (self)
    self->klass = klass;
  return self;
}

const CbiganBackendClass cbigan_backend_cuda = {
  .name = "cuda",
  .unavailable = unavailable,
  .open = cuda_open,
};
