/* device.h - which GPU can run the backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "context.h"

G_BEGIN_DECLS

#define CBIGAN_CUDA_BF16_CAPABILITY 80 /* the lowest capability whose tensor cores multiply bf16 */

/* NULL when that device can run the backend, else the reason in words (transfer full). device -1: any device. */
char *cbigan_cuda_unavailable(int device);
/* Sets the backend up to run in a CUcontext that somebody else owns, and finds its device. NULL on success, else the
 * reason in words (transfer full). */
char *cbigan_cuda_use_context(CbiganCuda *self, gpointer context);
/* Reads the chip's compute capability. FALSE: failed, and the failure is kept. */
gboolean cbigan_cuda_read_capability(CbiganCuda *self);

G_END_DECLS
