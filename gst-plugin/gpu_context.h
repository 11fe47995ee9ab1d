/* gpu_context.h - the CUDA context that an element shares with its neighbours
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As GStreamer's own CUDA elements do it, by its CUDA library, which the module of cuda/cuda_video.h links and the
 * plugin does not. What an element has is not replaced while it runs.
 */
#pragma once
#include "cuda/cuda_video.h"

G_BEGIN_DECLS

/* NULL: *why says why there is no module, or why it can't work (transfer full). */
const CbiganCudaVideoClass *cbigan_gpu_module(char **why);

/* An element's; under its object lock, which these functions take (but GStreamer's that makes one, in _get()). */
typedef struct {
  int device;            /* wanted, -1: any */
  GstCudaContext *found; /* or NULL */
} CbiganGpuContext;

/* The element's context on that device (-1: any), found or made; one of another device is given up. NULL: there is none
 * (transfer full). Asks the neighbours and the bus, so without the object lock. */
GstCudaContext *cbigan_gpu_context_get(CbiganGpuContext *self, GstElement *element, int device);
/* For GstElementClass.set_context; given: of any type, or NULL */
void cbigan_gpu_context_offer(CbiganGpuContext *self, GstElement *element, GstContext *given);
/* Answers a CONTEXT query. FALSE: not answered. */
gboolean cbigan_gpu_context_answer(CbiganGpuContext *self, GstElement *element, GstQuery *query);
void cbigan_gpu_context_clear(CbiganGpuContext *self, GstElement *element);
/* What it has now (transfer full), or NULL; and back to that, if another device was tried in vain. */
GstCudaContext *cbigan_gpu_context_remember(CbiganGpuContext *self, GstElement *element);
void cbigan_gpu_context_put_back(CbiganGpuContext *self, GstElement *element, int device, GstCudaContext *found);

gpointer cbigan_gpu_handle(GstCudaContext *context); /* the CUcontext; NULL of NULL */
/* Makes it the calling thread's current one. TRUE: then cbigan_gpu_leave() must follow. context: NULL = FALSE */
gboolean cbigan_gpu_enter(GstCudaContext *context);
void cbigan_gpu_leave(void);

G_END_DECLS
