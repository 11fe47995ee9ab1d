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

GST_DEBUG_CATEGORY_EXTERN(cbigan_score_debug);
#define GST_CAT_DEFAULT cbigan_score_debug

struct _CbiganFrameInput {
  GstVideoInfo info;         /* of the caps */
  int out_width, out_height; /* as for cbigan_video_input_new() */
  int width, height;         /* of the parts that the converter takes; 0 x 0 = there is no converter */
  /* video in system memory */
  CbiganVideoInput *system;
  GstVideoFrame frame; /* mapped from begin() to end() */
  /* video in GPU memory */
  const CbiganCudaVideoClass *klass; /* NULL = the video is in system memory */
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

static GstCaps *
possible_caps(void)
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

/* Both pads have the same caps, as the pixels pass unchanged. */
void
cbigan_frame_input_add_templates(GstElementClass *class)
{
  g_autofree char *why_no_gpu = cbigan_frame_input_why_no_gpu();
  g_autoptr(GstCaps) caps = possible_caps();
  gst_element_class_add_pad_template(class, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template(class, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  g_autofree char *found = why_no_gpu ? g_strdup_printf(_("Video in it can't be scored here: %s"), why_no_gpu)
                                      : g_strdup(_("Video in it can be scored here"));
  gst_element_class_add_metadata(class, "gpu-memory", found);
  GST_INFO("GPU memory: %s", found);
  /* Linking looks at the templates only, so this is the place to say why linking will fail. */
  if (why_no_gpu && g_file_test("/dev/nvidia0", G_FILE_TEST_EXISTS))
    GST_WARNING("elements with video in GPU memory can't be linked: %s", why_no_gpu);
}

gboolean
cbigan_frame_input_is_gpu(const GstCaps *caps)
{
  return gst_caps_get_size(caps) > 0 &&
         gst_caps_features_contains(gst_caps_get_features(caps, 0), CBIGAN_CUDA_VIDEO_FEATURE);
}

/* Two views in one buffer have a GstVideoMeta each; only the first would be seen here. */
static gboolean
is_one_picture(const GstVideoInfo *info, GError **error)
{
  if (GST_VIDEO_INFO_MULTIVIEW_MODE(info) != GST_VIDEO_MULTIVIEW_MODE_SEPARATED || GST_VIDEO_INFO_VIEWS(info) < 2)
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
              _("video with %d separate views per buffer can't be scored; expected one picture per buffer"),
              GST_VIDEO_INFO_VIEWS(info));
  return FALSE;
}

static void
close_converter(CbiganFrameInput *self)
{
  g_clear_pointer(&self->system, cbigan_video_input_free);
  if (self->cuda)
    self->klass->close(self->cuda);
  self->cuda = NULL;
}

/* Makes the converter for visible parts of that size. */
static gboolean
open_converter(CbiganFrameInput *self, int width, int height, GError **error)
{
  GstVideoInfo info = self->info;
  info.width = width;
  info.height = height;
  close_converter(self);
  if (self->klass)
    self->cuda = self->klass->open(&info, self->out_width, self->out_height, error);
  else
    self->system = cbigan_video_input_new(&info, self->out_width, self->out_height, error);
  const gboolean opened = self->system || self->cuda;
  self->width = opened ? width : 0;
  self->height = opened ? height : 0;
  return opened;
}

CbiganFrameInput *
cbigan_frame_input_new(const GstVideoInfo *info, gboolean is_gpu, int width, int height, GError **error)
{
  g_autoptr(CbiganFrameInput) self = g_new0(CbiganFrameInput, 1);
  g_autofree char *why = NULL;
  self->info = *info;
  self->out_width = width;
  self->out_height = height;
  if (!is_one_picture(info, error))
    return NULL;
  if (is_gpu && !(self->klass = cbigan_cuda_video_module(&why))) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("video in GPU memory can't be scored here: %s"), why);
    return NULL;
  }
  return open_converter(self, info->width, info->height, error) ? g_steal_pointer(&self) : NULL;
}

void
cbigan_frame_input_free(CbiganFrameInput *self)
{
  if (!self)
    return;
  close_converter(self);
  g_free(self);
}

void
cbigan_frame_input_set_size(CbiganFrameInput *self, int width, int height)
{
  if (width == self->out_width && height == self->out_height)
    return;
  self->out_width = width;
  self->out_height = height;
  self->width = self->height = 0; /* the converter is made anew */
}

static gboolean
begin_system(CbiganFrameInput *self, GstBuffer *buffer, const CbiganVideoPart *part, CbiganFrame *rgb, GError **error)
{
  if (!gst_video_frame_map(&self->frame, &self->info, buffer,
                           (GstMapFlags)(GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                _("a buffer of %zu bytes can't be read as %s video of %dx%d pixels"), gst_buffer_get_size(buffer),
                GST_VIDEO_INFO_NAME(&self->info), self->info.width, self->info.height);
    return FALSE;
  }
  cbigan_video_part_crop(part, &self->frame);
  *rgb = (CbiganFrame){ 0 };
  rgb->data = cbigan_video_input_convert(self->system, &self->frame, &rgb->width, &rgb->height, &rgb->stride);
  return TRUE;
}

gboolean
cbigan_frame_input_begin(CbiganFrameInput *self, GstBuffer *buffer, const CbiganVideoPart *part, gpointer cuda_context,
                         CbiganFrame *rgb, GError **error)
{
  const gboolean fits = part->width == self->width && part->height == self->height;
  if (!fits && !open_converter(self, part->width, part->height, error))
    return FALSE;
  return self->cuda ? self->klass->convert(self->cuda, buffer, cuda_context, rgb, error)
                    : begin_system(self, buffer, part, rgb, error);
}

void
cbigan_frame_input_end(CbiganFrameInput *self)
{
  if (self->cuda)
    self->klass->done(self->cuda);
  else
    gst_video_frame_unmap(&self->frame);
}
