/* frame_converter.h - a plan with its memory on a device: frames there become RGB frames here
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All of it in the CUDA context that is the calling thread's current one, which must be the same each time. Errors are
 * CBIGAN_ERROR_BACKEND and name place, call and code.
 */
#pragma once
#include <cbigan.h>

#include "frame_plan.h"

G_BEGIN_DECLS

typedef struct _CbiganFrameConverter CbiganFrameConverter;

/* plan: must live as long */
CbiganFrameConverter *cbigan_frame_converter_new(const CbiganFramePlan *plan, GError **error);
void cbigan_frame_converter_free(CbiganFrameConverter *self);
/* data: each plane of a frame, in device memory, complete; stride in bytes -> *rgb, rows without gaps, valid until the
 * next call. rgb->on_device: in device memory, behind rgb->ready, and this does not wait; else in host memory, and it
 * does. FALSE: failed. */
gboolean cbigan_frame_converter_run(CbiganFrameConverter *self, const guint8 *const *data, const gsize *stride,
                                    CbiganFrame *rgb, GError **error);
/* Until the last frame is no longer read. */
void cbigan_frame_converter_wait(CbiganFrameConverter *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganFrameConverter, cbigan_frame_converter_free)

G_END_DECLS
