/* failure.c - the first failure of a backend, kept until finish() reports it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Backends in modules compile this file again: a module can't call into the library, which exports the functions of
 * cbigan.h only.
 */
#include "backend.h"
#include "cbigan.h"

void
cbigan_backend_fail(CbiganBackend *self, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  GError *failure = g_error_new_valist(CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, format, arguments);
  va_end(arguments);
  if (!g_atomic_pointer_compare_and_exchange(&self->failure, NULL, failure)) /* the first failure is the cause */
    g_error_free(failure);
}
