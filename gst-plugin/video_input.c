/* video_input.c - raw video of any format to RGB at the model's size
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The options of the converter decide what a model sees, in training and in scoring alike: changing one of them
 * changes the scores of models that were trained before.
 */
#include "video_input.h"
#include "i18n.h"

struct _CbiganVideoInput {
  GstVideoConverter *converter;
  GstBuffer *buffer;
  GstVideoFrame rgb; /* buffer, mapped for as long as this lives */
};

static gboolean
allocate_rgb(CbiganVideoInput *self, const GstVideoInfo *info)
{
  self->buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
  return self->buffer && gst_video_frame_map(&self->rgb, info, self->buffer, GST_MAP_READWRITE);
}

/* Interlaced video stays so and the rate stays the same: a GstVideoConverter demands both. */
static gboolean
rgb_info(GstVideoInfo *rgb, const GstVideoInfo *info, int width, int height)
{
  if (!gst_video_info_set_interlaced_format(rgb, GST_VIDEO_FORMAT_RGB, GST_VIDEO_INFO_INTERLACE_MODE(info), width,
                                            height))
    return FALSE;
  rgb->fps_n = info->fps_n;
  rgb->fps_d = info->fps_d;
  return TRUE;
}

static GstStructure *
converter_options(void)
{
  return gst_structure_new("cbigan-video-input", GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD,
                           GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
                           GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
                           GST_VIDEO_CONVERTER_OPT_MATRIX_MODE, GST_TYPE_VIDEO_MATRIX_MODE, GST_VIDEO_MATRIX_MODE_FULL,
                           GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, 1u, NULL);
}

CbiganVideoInput *
cbigan_video_input_new(const GstVideoInfo *info, int width, int height, GError **error)
{
  g_autoptr(CbiganVideoInput) self = g_new0(CbiganVideoInput, 1);
  const char *format = GST_VIDEO_INFO_NAME(info);
  GstVideoInfo rgb;

  g_return_val_if_fail(width >= 0 && height >= 0 && !width == !height, NULL);
  if (GST_VIDEO_INFO_WIDTH(info) < 1 || GST_VIDEO_INFO_HEIGHT(info) < 1) {
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                _("Video of %dx%d pixels (%s) can't be scored: expected at least 1x1"), GST_VIDEO_INFO_WIDTH(info),
                GST_VIDEO_INFO_HEIGHT(info), format);
    return NULL;
  }
  if (!width) {
    width = GST_VIDEO_INFO_WIDTH(info);
    height = GST_VIDEO_INFO_HEIGHT(info);
  }
  if (rgb_info(&rgb, info, width, height))
    self->converter = gst_video_converter_new(info, &rgb, converter_options());
  if (!self->converter || !allocate_rgb(self, &rgb)) {
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                _("Video of format %s, %dx%d pixels can't be converted to RGB, %dx%d"), format,
                GST_VIDEO_INFO_WIDTH(info), GST_VIDEO_INFO_HEIGHT(info), width, height);
    return NULL;
  }
  return g_steal_pointer(&self);
}

void
cbigan_video_input_free(CbiganVideoInput *self)
{
  if (!self)
    return;
  if (self->rgb.buffer)
    gst_video_frame_unmap(&self->rgb);
  gst_clear_buffer(&self->buffer);
  g_clear_pointer(&self->converter, gst_video_converter_free);
  g_free(self);
}

const guint8 *
cbigan_video_input_convert(CbiganVideoInput *self, GstVideoFrame *frame, int *width, int *height, gsize *stride)
{
  gst_video_converter_frame(self->converter, frame, &self->rgb);
  *width = GST_VIDEO_FRAME_WIDTH(&self->rgb);
  *height = GST_VIDEO_FRAME_HEIGHT(&self->rgb);
  *stride = (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&self->rgb, 0);
  return (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&self->rgb, 0);
}
