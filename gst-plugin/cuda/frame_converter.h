/* frame_converter.h - a plan with its memory on a GPU: converts frames in device memory to RGB
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every call runs in the calling thread's current CUDA context, which must be the same each time. Errors are
 * CBIGAN_ERROR_BACKEND and name place, call and error code.
 */
#pragma once
#include <cbigan.h>

#include "frame_plan.h"

G_BEGIN_DECLS

typedef struct _CbiganFrameConverter CbiganFrameConverter;

/* The plan must outlive the converter. Free with cbigan_frame_converter_free(). NULL with an error. */
CbiganFrameConverter *cbigan_frame_converter_new(const CbiganFramePlan *plan, GError **error);
void cbigan_frame_converter_free(CbiganFrameConverter *self);
/* Converts a frame to *rgb, rows without gaps, which stays valid until the next call. data, stride: of each plane, in
 * device memory and already written; bytes. rgb->on_device says where the result shall lie. TRUE: in device memory,
 * ready behind the event rgb->ready, and the call does not wait. FALSE: in host memory, and the call waits. */
gboolean cbigan_frame_converter_run(CbiganFrameConverter *self, const guint8 *const *data, const gsize *stride,
                                    CbiganFrame *rgb, GError **error);
/* Waits until the last frame's planes are no longer read. */
void cbigan_frame_converter_wait(CbiganFrameConverter *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganFrameConverter, cbigan_frame_converter_free)

G_END_DECLS
