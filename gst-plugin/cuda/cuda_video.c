/* cuda_video.c - video in GPU memory through GStreamer's CUDA library
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A GstCudaMemory names the GstCudaContext that it belongs to. The frame is converted in that context, which is kept as
 * long as frames come from it. It may be another one than the scorer's, even on another GPU: then the RGB frame is
 * copied to the host.
 *
 * Order: in GStreamer 1.22 the element that pushes a buffer has waited until it is written. From 1.24 on the element
 * that maps the buffer waits, by gst_cuda_memory_sync(). The kernels here run in a stream of their own. The scorer's
 * stream waits for an event behind them, so the host waits for nothing. Scoring returns when it is done, so the next
 * kernels may overwrite the RGB frame. done() waits for the kernels, which matters only if scoring failed before it
 * began.
 */
#include "cuda_video.h"

#include <cbigan.h>
#include <gmodule.h>
#define GST_USE_UNSTABLE_API
#include <gst/cuda/gstcudautils.h>

#include "backend/module.h"
#include "frame_converter.h"
#include "i18n.h"
#include "video_crop.h"

/* NULL at run time before GStreamer 1.24, whatever version this is compiled with */
extern void gst_cuda_memory_sync(GstCudaMemory *memory) __attribute__((weak));

struct _CbiganCudaVideo {
  GstVideoInfo info; /* of the frames' visible part */
  CbiganFramePlan *plan;
  GstCudaContext *context; /* the converter's, or NULL */
  CbiganFrameConverter *converter;
  GstMemory *mapped; /* from convert() to done() */
  GstMapInfo map;
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

static int
device_of(GstCudaContext *context)
{
  guint device = 0;
  g_object_get(context, "cuda-device-id", &device, NULL);
  return (int)device;
}

static void
leave(void)
{
  gst_cuda_context_pop(NULL);
}

static CbiganCudaVideo *
cuda_video_open(const GstVideoInfo *info, int width, int height, GError **error)
{
  CbiganFramePlan *plan = cbigan_frame_plan_new(info, width, height, error);
  if (!plan)
    return NULL;
  CbiganCudaVideo *self = g_new0(CbiganCudaVideo, 1);
  self->info = *info;
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
    leave();
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
              _("a buffer of caps with %s has %u memories of type %s: expected one of type %s"),
              CBIGAN_CUDA_VIDEO_FEATURE, gst_buffer_n_memory(buffer),
              memory && memory->allocator ? memory->allocator->mem_type : "?", GST_CUDA_MEMORY_TYPE_NAME);
  return NULL;
}

/* A GstVideoMeta of the buffer says where the planes lie; without one, the memory does. */
static void
find_planes(const guint8 *data, const GstCudaMemory *memory, GstBuffer *buffer, const CbiganVideoPart *part,
            const guint8 **planes, gsize *strides)
{
  const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
  const gsize *offset = meta ? meta->offset : memory->info.offset;
  const int *stride = meta ? meta->stride : memory->info.stride;
  for (guint i = 0; i < GST_VIDEO_MAX_PLANES; i++) {
    planes[i] = data + offset[i] + cbigan_video_part_offset(part, memory->info.finfo, i, stride[i]);
    strides[i] = (gsize)stride[i];
  }
}

/* The next two functions run in the current context. */
static void
end_reading(CbiganCudaVideo *self)
{
  cbigan_frame_converter_wait(self->converter);
  gst_memory_unmap(self->mapped, &self->map);
  self->mapped = NULL;
}

static gboolean
convert_memory(CbiganCudaVideo *self, GstCudaMemory *memory, GstBuffer *buffer, CbiganFrame *rgb, GError **error)
{
  const guint8 *planes[GST_VIDEO_MAX_PLANES];
  gsize strides[GST_VIDEO_MAX_PLANES];
  CbiganVideoPart part;

  if (!cbigan_video_part_find(&part, &self->info, buffer, error))
    return FALSE;
  if (!self->converter && !(self->converter = cbigan_frame_converter_new(self->plan, error)))
    return FALSE;
  if (!gst_memory_map(GST_MEMORY_CAST(memory), &self->map, (GstMapFlags)(GST_MAP_READ | GST_MAP_CUDA))) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND,
                        _("gst_memory_map(GST_MAP_CUDA) failed: GStreamer could not bring the frame to the GPU"));
    return FALSE;
  }
  self->mapped = GST_MEMORY_CAST(memory);
  if (gst_cuda_memory_sync)
    gst_cuda_memory_sync(memory);
  find_planes(self->map.data, memory, buffer, &part, planes, strides);
  if (cbigan_frame_converter_run(self->converter, planes, strides, rgb, error))
    return TRUE;
  end_reading(self);
  return FALSE;
}

static gboolean
cuda_video_convert(CbiganCudaVideo *self, GstBuffer *buffer, gpointer stay, CbiganFrame *rgb, GError **error)
{
  GstCudaMemory *memory = memory_of(buffer, error);
  if (!memory)
    return FALSE;
  if (memory->context != self->context) {
    leave_context(self);
    self->context = gst_object_ref(memory->context);
  }
  if (!enter(self->context, error))
    return FALSE;
  rgb->on_device = stay && stay == gst_cuda_context_get_handle(self->context);
  gboolean converted = convert_memory(self, memory, buffer, rgb, error);
  leave();
  return converted;
}

static void
cuda_video_done(CbiganCudaVideo *self)
{
  gboolean entered = gst_cuda_context_push(self->context);
  end_reading(self);
  if (entered)
    leave();
}

static const CbiganCudaVideoClass cuda_video = {
  .formats = CBIGAN_FRAME_FORMATS,
  .unavailable = unavailable,
  .ensure_context = gst_cuda_ensure_element_context,
  .set_context = gst_cuda_handle_set_context,
  .answer = gst_cuda_handle_context_query,
  .device = device_of,
  .handle = gst_cuda_context_get_handle,
  .enter = gst_cuda_context_push,
  .leave = leave,
  .open = cuda_video_open,
  .close = cuda_video_close,
  .convert = cuda_video_convert,
  .done = cuda_video_done,
};

G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &cuda_video };
