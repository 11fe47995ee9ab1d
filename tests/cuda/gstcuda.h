/* gstcuda.h - GStreamer's CUDA library on the emulated GPU
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The functions of the library that cuda_video.c calls, so that cbiganscore can be tested with video in GPU memory
 * without a GPU. It is strict: memory can't be mapped for the host, nor outside of its own context; its contents appear
 * only when gst_cuda_memory_sync() is called; a context is current only while it is pushed, and can't be freed while
 * its memory is in use. It does not show what the real library does.
 */
#pragma once
#define GST_USE_UNSTABLE_API
#include <gst/cuda/gstcudamemory.h>

G_BEGIN_DECLS

/* A GstCudaContext of that emulated GPU (transfer full) */
GstObject *emulated_context_new(guint device);
/* How many contexts exist */
guint emulated_contexts(void);
/* Whether any memory or stream belongs to it */
gboolean emulated_context_is_used(GstObject *context);
/* The calling thread's CUcontext; NULL: none */
gpointer emulated_current_context(void);
/* A copy of a video frame in memory of the context (transfer full). Its rows and planes have gaps, as in the real
 * library; gaps are 0xAA. */
GstMemory *emulated_memory_new(GstObject *context, GstVideoFrame *frame);
/* How often memory has been mapped. Ends the test if some is mapped now. */
guint emulated_memory_maps(void);

G_END_DECLS
