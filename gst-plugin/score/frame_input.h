/* frame_input.h - from the buffers of a stream to the model's RGB frame, in any memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * video_input.c converts frames in system memory. For frames in an NVIDIA GPU's memory a module (cuda/) does the same
 * on the GPU, with the same bits. To add a kind of memory: its caps in possible_caps() and its branches in
 * frame_input.c.
 */
#pragma once
#include <cbigan.h>
#include <gst/video/video.h>

#include "cuda/cuda_video.h"
#include "video_crop.h"

G_BEGIN_DECLS

typedef struct _CbiganFrameInput CbiganFrameInput;

/* Adds a sink and a source pad template for the video that can be scored on this machine, and the metadata
 * “gpu-memory”, which says in words whether GPU memory is part of it. */
void cbigan_frame_input_add_templates(GstElementClass *class);
/* NULL = video in GPU memory can be scored here; else the reason why not (transfer full). */
char *cbigan_frame_input_why_no_gpu(void);
gboolean cbigan_frame_input_is_gpu(const GstCaps *caps);
/* The table of the module for video in GPU memory. NULL: *why is the reason (transfer full). */
const CbiganCudaVideoClass *cbigan_cuda_video_module(char **why);

/* width, height: as for cbigan_video_input_new(). Free with cbigan_frame_input_free(). One thread at a time.
 * NULL with GST_CORE_ERROR_NEGOTIATION or CBIGAN_ERROR. */
CbiganFrameInput *cbigan_frame_input_new(const GstVideoInfo *info, gboolean is_gpu, int width, int height,
                                         GError **error);
void cbigan_frame_input_free(CbiganFrameInput *self);
/* Another size for the frames that follow, as for cbigan_video_input_new(). */
void cbigan_frame_input_set_size(CbiganFrameInput *self, int width, int height);
/* Converts that part of the buffer's picture to *rgb. cuda_context: a CUcontext; *rgb stays in device memory where the
 * buffer lies in that context; NULL = *rgb is always in host memory. On TRUE, *rgb is valid until
 * cbigan_frame_input_end(), which must follow when the frame has been scored. FALSE with CBIGAN_ERROR or
 * GST_CORE_ERROR_NEGOTIATION. */
gboolean cbigan_frame_input_begin(CbiganFrameInput *self, GstBuffer *buffer, const CbiganVideoPart *part,
                                  gpointer cuda_context, CbiganFrame *rgb, GError **error);
void cbigan_frame_input_end(CbiganFrameInput *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganFrameInput, cbigan_frame_input_free)

G_END_DECLS
