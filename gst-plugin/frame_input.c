/* frame_input.c - from the buffers of a stream to the model's RGB frame, in any memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "frame_input.h"

#include "backend/module.h"
#include "cuda/cuda_video.h"
#include "i18n.h"
#include "video_input.h"

struct _CbiganFrameInput {
  GstVideoInfo info;
  /* video in system memory */
  CbiganVideoInput *system; /* NULL = the video is in GPU memory */
  GstVideoFrame frame;      /* mapped from begin() to end() */
  /* video in GPU memory */
  const CbiganCudaVideoClass *klass;
  CbiganCudaVideo *cuda;
};

#define OVERLAY GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION

/* features: NULL = system memory */
static void
add_caps(GstCaps *caps, const char *features, const char *formats)
{
  g_autofree char *text = g_strdup_printf("video/x-raw%s%s%s, format=%s, width=" GST_VIDEO_SIZE_RANGE
                                          ", height=" GST_VIDEO_SIZE_RANGE ", framerate=" GST_VIDEO_FPS_RANGE,
                                          features ? "(" : "", features ? features : "", features ? ")" : "", formats);
  gst_caps_append(caps, gst_caps_from_string(text));
}

const CbiganCudaVideoClass *
cbigan_cuda_video_module(char **why)
{
  const CbiganCudaVideoClass *klass = cbigan_module_open("cbigan-cuda-video", why);
  return klass && !(*why = klass->unavailable()) ? klass : NULL;
}

char *
cbigan_frame_input_why_no_gpu(void)
{
  char *why = NULL;
  cbigan_cuda_video_module(&why);
  return why;
}

GstCaps *
cbigan_frame_input_caps(void)
{
  GstCaps *caps = gst_caps_new_empty();
  add_caps(caps, NULL, GST_VIDEO_FORMATS_ALL);
  add_caps(caps, GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY "," OVERLAY, GST_VIDEO_FORMATS_ALL);
  g_autofree char *why = NULL;
  const CbiganCudaVideoClass *klass = cbigan_cuda_video_module(&why);
  if (klass) {
    add_caps(caps, CBIGAN_CUDA_VIDEO_FEATURE, klass->formats);
    add_caps(caps, CBIGAN_CUDA_VIDEO_FEATURE "," OVERLAY, klass->formats);
  }
  return caps;
}

gboolean
cbigan_frame_input_is_gpu(const GstCaps *caps)
{
  return gst_caps_get_size(caps) > 0 &&
         gst_caps_features_contains(gst_caps_get_features(caps, 0), CBIGAN_CUDA_VIDEO_FEATURE);
}

CbiganFrameInput *
cbigan_frame_input_new(const GstVideoInfo *info, gboolean is_gpu, int width, int height, GError **error)
{
  g_autoptr(CbiganFrameInput) self = g_new0(CbiganFrameInput, 1);
  self->info = *info;
  if (!is_gpu) {
    self->system = cbigan_video_input_new(info, width, height, error);
    return self->system ? g_steal_pointer(&self) : NULL;
  }
  g_autofree char *why = NULL;
  self->klass = cbigan_cuda_video_module(&why);
  if (!self->klass) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("Video in GPU memory can't be scored here: %s"), why);
    return NULL;
  }
  self->cuda = self->klass->open(info, width, height, error);
  return self->cuda ? g_steal_pointer(&self) : NULL;
}

void
cbigan_frame_input_free(CbiganFrameInput *self)
{
  if (!self)
    return;
  g_clear_pointer(&self->system, cbigan_video_input_free);
  if (self->cuda)
    self->klass->close(self->cuda);
  g_free(self);
}

gboolean
cbigan_frame_input_begin(CbiganFrameInput *self, GstBuffer *buffer, gpointer cuda_context, CbiganFrame *rgb,
                         GError **error)
{
  if (self->cuda)
    return self->klass->convert(self->cuda, buffer, cuda_context, rgb, error);
  if (!gst_video_frame_map(&self->frame, &self->info, buffer,
                           (GstMapFlags)(GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                _("A buffer of %zu bytes can't be read as %s video of %dx%d pixels"), gst_buffer_get_size(buffer),
                GST_VIDEO_INFO_NAME(&self->info), self->info.width, self->info.height);
    return FALSE;
  }
  *rgb = (CbiganFrame){ 0 };
  rgb->data = cbigan_video_input_convert(self->system, &self->frame, &rgb->width, &rgb->height, &rgb->stride);
  return TRUE;
}

void
cbigan_frame_input_end(CbiganFrameInput *self)
{
  if (self->cuda)
    self->klass->done(self->cuda);
  else
    gst_video_frame_unmap(&self->frame);
}
