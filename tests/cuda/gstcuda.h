/* gstcuda.h - GStreamer's CUDA library on the emulated GPU
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What cuda_video.c calls of it, so that cbiganscore can be tested with video in GPU memory where there is none. It is
 * strict: memory can't be mapped for the host, nor in another context than its own; its contents aren't there before
 * somebody calls gst_cuda_memory_sync(); a context that isn't pushed isn't current, and one whose memory is in use
 * can't be given up. What it can't show is what the real library does.
 */
#pragma once
#define GST_USE_UNSTABLE_API
#include <gst/cuda/gstcudamemory.h>

G_BEGIN_DECLS

/* Of that emulated GPU: a GstCudaContext. */
GstObject *emulated_context_new(guint device);
/* How many there are. */
guint emulated_contexts(void);
/* Whether there is any memory or stream in it. */
gboolean emulated_context_is_used(GstObject *context);
/* The calling thread's, or NULL. */
gpointer emulated_current_context(void);
/* A frame of video in its memory, rows and planes with gaps as the real library leaves them; what is in the gaps is
 * 0xAA. */
GstMemory *emulated_memory_new(GstObject *context, GstVideoFrame *frame);
/* How often memory was mapped; none is now. It is never given to the host. */
guint emulated_memory_maps(void);

G_END_DECLS
