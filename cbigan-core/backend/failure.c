/* failure.c - the first failure of a backend, kept until finish() reports it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file of its own because backends in modules have a copy of it: a module can't call into the library, which shows
 * only what stands in cbigan.h.
 */
#include "backend.h"
#include "cbigan.h"

void
cbigan_backend_fail(CbiganBackend *self, const char *format, ...)
{
  if (self->failure) /* the first one is the cause */
    return;
  va_list arguments;
  va_start(arguments, format);
  self->failure = g_error_new_valist(CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, format, arguments);
  va_end(arguments);
}
