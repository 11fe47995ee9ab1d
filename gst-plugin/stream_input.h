/* stream_input.h - from a stream's buffers, wherever their memory is, to the model's RGB frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In system memory video_input.c converts; in an NVIDIA GPU's, a module does the same there (cuda/), to the bit. To add
 * a kind of memory: its caps in cbigan_stream_input_caps(), its branches in stream_input.c.
 */
#pragma once
#include <cbigan.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct _CbiganStreamInput CbiganStreamInput;

/* Video that can come on this machine (transfer full). */
GstCaps *cbigan_stream_input_caps(void);
/* NULL = from GPU memory too, else why not (transfer full). */
char *cbigan_stream_input_why_no_gpu(void);
gboolean cbigan_stream_input_is_gpu(const GstCaps *caps);

/* width, height: as cbigan_video_input_new(). NULL with GST_CORE_ERROR_NEGOTIATION or CBIGAN_ERROR. */
CbiganStreamInput *cbigan_stream_input_new(const GstVideoInfo *info, gboolean is_gpu, int width, int height,
                                           GError **error);
void cbigan_stream_input_free(CbiganStreamInput *self);
/* stay: the CUcontext in which *rgb may stay in device memory, where the buffer lies in it; NULL = none. On TRUE, end()
 * must follow, when *rgb has been scored: until then it is valid. FALSE with CBIGAN_ERROR. */
gboolean cbigan_stream_input_begin(CbiganStreamInput *self, GstBuffer *buffer, gpointer stay, CbiganFrame *rgb,
                                   GError **error);
void cbigan_stream_input_end(CbiganStreamInput *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganStreamInput, cbigan_stream_input_free)

G_END_DECLS
