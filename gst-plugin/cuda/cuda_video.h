/* cuda_video.h - video in GPU memory, as the plugin sees it: a module that may be missing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of the module "cbigan-cuda-video" (backend/module.h). The frames stay on the GPU: it resizes them to the
 * model's RGB frame, and only that comes to the host, where it is scored as any other, by any backend.
 */
#pragma once
#include <gst/video/video.h>

G_BEGIN_DECLS

#define CBIGAN_CUDA_VIDEO_FEATURE "memory:CUDAMemory"

typedef struct _CbiganCudaVideo CbiganCudaVideo;

typedef struct {
  const char *formats; /* as caps list them */
  /* NULL = frames in GPU memory can come here, else why not (transfer full). Asks for the driver, wakes no GPU. */
  char *(*unavailable)(void);
  /* width, height: the model's frame; 0 x 0 keeps the stream's size. NULL with GST_CORE_ERROR_NEGOTIATION. */
  CbiganCudaVideo *(*open)(const GstVideoInfo *info, int width, int height, GError **error);
  void (*close)(CbiganCudaVideo *self);
  /* RGB rows, valid until the next call; *width, *height, *stride as CbiganFrame has them. The buffer is only read, in
   * the CUDA context that its memory has, and no longer used when this returns. NULL with CBIGAN_ERROR. */
  const guint8 *(*convert)(CbiganCudaVideo *self, GstBuffer *buffer, int *width, int *height, gsize *stride,
                           GError **error);
} CbiganCudaVideoClass;

G_END_DECLS
