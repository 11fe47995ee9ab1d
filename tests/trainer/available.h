/* available.h - which backends a test runs on; the others are visibly skipped
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"
#include "cbigan.h"

static inline void
skip_backend(gconstpointer why)
{
  g_test_skip(why);
}

/* FALSE: it can't run here, and "/GROUP/NAME" is a test that is skipped and says why. */
static inline gboolean
available_or_skipped(const char *group, const char *name)
{
  char *why = cbigan_backend_unavailable(name);
  if (!why)
    return TRUE;
  g_autofree char *path = g_strdup_printf("/%s/%s", group, name);
  g_test_add_data_func_full(path, why, (GTestDataFunc)skip_backend, g_free);
  return FALSE;
}
