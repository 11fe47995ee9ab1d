/* cuda_video.c - video in GPU memory through GStreamer's CUDA library
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A GstCudaMemory knows the GstCudaContext that it lies in: that one is used, whichever it is, and kept for as long as
 * frames come from it. So no element has to find or make one for us, and another GPU than the backend's will do.
 *
 * Who pushes a buffer has waited for what writes it (GStreamer 1.22), or left the wait to whoever maps it, who then
 * calls gst_cuda_memory_sync() (from 1.24 on). We wait for our own work before the buffer goes on.
 */
#include "cuda_video.h"

#include <cbigan.h>
#include <gmodule.h>
#define GST_USE_UNSTABLE_API
#include <gst/cuda/gstcudautils.h>

#include "backend/module.h"
#include "frame_converter.h"
#include "i18n.h"

/* NULL before GStreamer 1.24, whichever one this is compiled with. */
extern void gst_cuda_memory_sync(GstCudaMemory *memory) __attribute__((weak));

struct _CbiganCudaVideo {
  CbiganFramePlan *plan;
  GstCudaContext *context; /* the converter's, or NULL */
  CbiganFrameConverter *converter;
};

static char *
unavailable(void)
{
  int driver = 0;
  if (!gst_cuda_load_library() || CuDriverGetVersion(&driver) != CUDA_SUCCESS || driver == 0)
    return g_strdup(_("there is no NVIDIA driver"));
  if (driver / 1000 < CUDART_VERSION / 1000)
    return g_strdup_printf(_("the NVIDIA driver is for CUDA %d.%d, CUDA %d.0 or later is needed"), driver / 1000,
                           driver % 1000 / 10, CUDART_VERSION / 1000);
  return NULL;
}

static CbiganCudaVideo *
cuda_video_open(const GstVideoInfo *info, int width, int height, GError **error)
{
  CbiganFramePlan *plan = cbigan_frame_plan_new(info, width, height, error);
  if (!plan)
    return NULL;
  CbiganCudaVideo *self = g_new0(CbiganCudaVideo, 1);
  self->plan = plan;
  return self;
}

static gboolean
enter(GstCudaContext *context, GError **error)
{
  if (gst_cuda_context_push(context))
    return TRUE;
  g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("gst_cuda_context_push() failed: is the GPU lost?"));
  return FALSE;
}

static void
leave_context(CbiganCudaVideo *self)
{
  gboolean entered = self->context && gst_cuda_context_push(self->context);
  g_clear_pointer(&self->converter, cbigan_frame_converter_free);
  if (entered)
    gst_cuda_context_pop(NULL);
  gst_clear_object(&self->context);
}

static void
cuda_video_close(CbiganCudaVideo *self)
{
  leave_context(self);
  cbigan_frame_plan_free(self->plan);
  g_free(self);
}

static GstCudaMemory *
memory_of(GstBuffer *buffer, GError **error)
{
  GstMemory *memory = gst_buffer_n_memory(buffer) == 1 ? gst_buffer_peek_memory(buffer, 0) : NULL;
  if (gst_is_cuda_memory(memory))
    return GST_CUDA_MEMORY_CAST(memory);
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
              _("A buffer of caps with %s has %u memories of type %s: expected one of type %s"),
              CBIGAN_CUDA_VIDEO_FEATURE, gst_buffer_n_memory(buffer),
              memory && memory->allocator ? memory->allocator->mem_type : "?", GST_CUDA_MEMORY_TYPE_NAME);
  return NULL;
}

/* Where the planes lie is the buffer's word, or else the memory's. */
static void
find_planes(const guint8 *data, const GstCudaMemory *memory, GstBuffer *buffer, const guint8 **planes, gsize *strides)
{
  const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
  const gsize *offset = meta ? meta->offset : memory->info.offset;
  const int *stride = meta ? meta->stride : memory->info.stride;
  for (guint i = 0; i < GST_VIDEO_MAX_PLANES; i++) {
    planes[i] = data + offset[i];
    strides[i] = (gsize)stride[i];
  }
}

/* In the current context. */
static const guint8 *
convert_memory(CbiganCudaVideo *self, GstCudaMemory *memory, GstBuffer *buffer, GError **error)
{
  const guint8 *planes[GST_VIDEO_MAX_PLANES], *rgb = NULL;
  gsize strides[GST_VIDEO_MAX_PLANES];
  GstMapInfo map;

  if (!self->converter && !(self->converter = cbigan_frame_converter_new(self->plan, error)))
    return NULL;
  if (!gst_memory_map(GST_MEMORY_CAST(memory), &map, (GstMapFlags)(GST_MAP_READ | GST_MAP_CUDA))) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND,
                        _("gst_memory_map(GST_MAP_CUDA) failed: GStreamer could not bring the frame to the GPU"));
    return NULL;
  }
  if (gst_cuda_memory_sync)
    gst_cuda_memory_sync(memory);
  find_planes(map.data, memory, buffer, planes, strides);
  rgb = cbigan_frame_converter_run(self->converter, planes, strides, error);
  gst_memory_unmap(GST_MEMORY_CAST(memory), &map);
  return rgb;
}

static const guint8 *
cuda_video_convert(CbiganCudaVideo *self, GstBuffer *buffer, int *width, int *height, gsize *stride, GError **error)
{
  GstCudaMemory *memory = memory_of(buffer, error);
  if (!memory)
    return NULL;
  if (memory->context != self->context) {
    leave_context(self);
    self->context = gst_object_ref(memory->context);
  }
  if (!enter(self->context, error))
    return NULL;
  const guint8 *rgb = convert_memory(self, memory, buffer, error);
  gst_cuda_context_pop(NULL);
  *width = self->plan->frame.out_width;
  *height = self->plan->frame.out_height;
  *stride = 3 * (gsize)*width;
  return rgb;
}

static const CbiganCudaVideoClass cuda_video = {
  .formats = CBIGAN_FRAME_FORMATS,
  .unavailable = unavailable,
  .open = cuda_video_open,
  .close = cuda_video_close,
  .convert = cuda_video_convert,
};

G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &cuda_video };
