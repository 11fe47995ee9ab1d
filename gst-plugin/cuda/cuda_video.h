/* cuda_video.h - video in GPU memory, as the plugin sees it: a module that may be missing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of the module "cbigan-cuda-video" (backend/module.h). The GPU resizes a frame to the model's RGB frame. If
 * the scorer runs in the frame's CUDA context, the RGB frame stays in GPU memory. Otherwise it is copied to the host
 * and scored there like any other, by any backend.
 *
 * An element finds and shares its CUDA context as GStreamer's own elements do (gstcudautils.h): ensure_context(),
 * set_context() and answer() are GStreamer's functions for that.
 */
#pragma once
#include <cbigan.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

#define CBIGAN_CUDA_VIDEO_FEATURE "memory:CUDAMemory"

typedef struct _CbiganCudaVideo CbiganCudaVideo;
typedef struct _GstCudaContext GstCudaContext; /* GStreamer's, without its headers */

typedef struct {
  const char *formats; /* as caps list them */
  /* NULL = frames in GPU memory can be converted here, else the reason (transfer full). Looks for the driver only. */
  char *(*unavailable)(void);

  /* If *context is NULL, sets it to a neighbour's, the application's, or a new one that is announced to all (transfer
   * full). device: -1 = any; a new one is then of the first. FALSE: there is none. */
  gboolean (*ensure_context)(GstElement *element, int device, GstCudaContext **context);
  /* For GstElementClass.set_context: sets *context if it is NULL and `given` is of that device (-1: any). */
  gboolean (*set_context)(GstElement *element, GstContext *given, int device, GstCudaContext **context);
  /* Answers a CONTEXT query with the context; NULL: none. FALSE: not answered. */
  gboolean (*answer)(GstElement *element, GstQuery *query, GstCudaContext *context);
  int (*device)(GstCudaContext *context);
  gpointer (*handle)(GstCudaContext *context); /* the CUcontext */
  /* Makes the context the calling thread's current one; leave() restores the one before. FALSE: the GPU is lost. */
  gboolean (*enter)(GstCudaContext *context);
  void (*leave)(void);

  /* width, height: of the model's frame; 0 x 0 keeps the stream's size. Free with close(). NULL with
   * GST_CORE_ERROR_NEGOTIATION. */
  CbiganCudaVideo *(*open)(const GstVideoInfo *info, int width, int height, GError **error);
  void (*close)(CbiganCudaVideo *self);
  /* Converts a buffer to *rgb, which stays valid until the next call. stay: the scorer's CUcontext, or NULL. If the
   * buffer's memory belongs to it, *rgb stays in device memory (rgb->on_device), ready behind the event rgb->ready. If
   * not, *rgb is copied to the host. The buffer is only read. FALSE with CBIGAN_ERROR. */
  gboolean (*convert)(CbiganCudaVideo *self, GstBuffer *buffer, gpointer stay, CbiganFrame *rgb, GError **error);
  /* To be called once *rgb of a successful convert() has been scored. When it returns, the buffer is free again. */
  void (*done)(CbiganCudaVideo *self);
} CbiganCudaVideoClass;

G_END_DECLS
