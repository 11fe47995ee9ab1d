/* cuda_video.h - video in GPU memory, as the plugin sees it: a module that may be missing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of the module "cbigan-cuda-video" (backend/module.h). The frames stay on the GPU: it resizes them to the
 * model's RGB frame. Where a scorer runs in the CUDA context that they lie in, that stays there too; else it comes to
 * the host, where it is scored as any other, by any backend.
 *
 * An element's CUDA context is found and shared as GStreamer's own elements do it (gstcudautils.h): the first three of
 * the functions about contexts are gst_cuda_ensure_element_context() and so on.
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
  /* NULL = frames in GPU memory can come here, else why not (transfer full). Asks for the driver, wakes no GPU. */
  char *(*unavailable)(void);

  /* *context, where it is NULL: a neighbour's, the application's, or a new one of that device (-1: any; a new one is of
   * the first), of which all are told. FALSE: there is none. */
  gboolean (*ensure_context)(GstElement *element, int device, GstCudaContext **context);
  /* For GstElementClass.set_context: *context, where it is NULL and it is of that device (-1: any). */
  gboolean (*set_context)(GstElement *element, GstContext *given, int device, GstCudaContext **context);
  /* Answers a CONTEXT query; context: may be NULL. FALSE: not answered. */
  gboolean (*answer)(GstElement *element, GstQuery *query, GstCudaContext *context);
  int (*device)(GstCudaContext *context);
  gpointer (*handle)(GstCudaContext *context); /* the CUcontext */
  /* Makes it the calling thread's current one; then leave() restores the one before. FALSE: it is lost. */
  gboolean (*enter)(GstCudaContext *context);
  void (*leave)(void);

  /* width, height: the model's frame; 0 x 0 keeps the stream's size. NULL with GST_CORE_ERROR_NEGOTIATION. */
  CbiganCudaVideo *(*open)(const GstVideoInfo *info, int width, int height, GError **error);
  void (*close)(CbiganCudaVideo *self);
  /* *rgb is valid until the next call. Where the buffer's memory is of the CUcontext `stay`, it stays in it
   * (rgb->on_device, rgb->ready), and is perhaps not yet written; NULL or another context: it comes to the host. The
   * buffer is only read, in the context that its memory has. FALSE with CBIGAN_ERROR. */
  gboolean (*convert)(CbiganCudaVideo *self, GstBuffer *buffer, gpointer stay, CbiganFrame *rgb, GError **error);
  /* After a convert() that was TRUE, when what it gave has been scored. The buffer is no longer used when it returns.
   */
  void (*done)(CbiganCudaVideo *self);
} CbiganCudaVideoClass;

G_END_DECLS
