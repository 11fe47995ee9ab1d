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
#include <math.h>
#include <string.h>

struct _CbiganVideoInput {
  GstVideoConverter *converter; /* NULL: the stream is what a model wants */
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

/* Whether a gray line of `from` pixels is the same gray when resized to `to`. taps: 0 = the resampler's own choice. */
static gboolean
keeps_gray(guint taps, int from, int to)
{
  GstVideoScaler *scaler = gst_video_scaler_new(GST_VIDEO_RESAMPLER_METHOD_LINEAR, GST_VIDEO_SCALER_FLAG_NONE, taps,
                                                (guint)from, (guint)to, NULL);
  g_autofree guint8 *in = g_malloc(4 * (gsize)from);
  g_autofree guint8 *out = g_malloc(4 * (gsize)to);
  gboolean keeps = TRUE;

  memset(in, 128, 4 * (gsize)from);
  gst_video_scaler_horizontal(scaler, GST_VIDEO_FORMAT_ARGB, in, out, 0, (guint)to);
  for (gsize i = 0; i < 4 * (gsize)to; i++)
    keeps &= out[i] == 128;
  gst_video_scaler_free(scaler);
  return keeps;
}

/* GStreamer rounds a filter's taps to 1/64, and where several are equal can't make them add up to one: at ratios such
 * as 8:1 that tints the borders by up to 10 %. A few taps more or less, and they do. */
guint
cbigan_video_input_taps(int from_width, int from_height, int to_width, int to_height)
{
  double ratio = MAX((double)from_width / to_width, (double)from_height / to_height);
  guint least = (guint)MAX(2, ceil(2 * ratio));

  if (keeps_gray(0, from_width, to_width) && keeps_gray(0, from_height, to_height))
    return 0;
  for (guint taps = least; taps < MIN(least + 8, (guint)MIN(from_width, from_height)); taps++)
    if (keeps_gray(taps, from_width, to_width) && keeps_gray(taps, from_height, to_height))
      return taps;
  return 0;
}

static GstStructure *
converter_options(guint taps)
{
  return gst_structure_new("cbigan-video-input", GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD,
                           GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
                           GST_VIDEO_CONVERTER_OPT_RESAMPLER_TAPS, G_TYPE_UINT, taps,
                           GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
                           GST_VIDEO_CONVERTER_OPT_MATRIX_MODE, GST_TYPE_VIDEO_MATRIX_MODE, GST_VIDEO_MATRIX_MODE_FULL,
                           GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, 1u, NULL);
}

static gboolean
is_rgb(const GstVideoInfo *info, const GstVideoInfo *rgb)
{
  return GST_VIDEO_INFO_FORMAT(info) == GST_VIDEO_FORMAT_RGB && info->width == rgb->width &&
         info->height == rgb->height && gst_video_colorimetry_is_equal(&info->colorimetry, &rgb->colorimetry);
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
  gboolean possible = rgb_info(&rgb, info, width, height);
  if (possible && is_rgb(info, &rgb))
    return g_steal_pointer(&self);
  if (possible) {
    guint taps = cbigan_video_input_taps(GST_VIDEO_INFO_WIDTH(info), GST_VIDEO_INFO_HEIGHT(info), width, height);

    self->converter = gst_video_converter_new(info, &rgb, converter_options(taps));
  }
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
  GstVideoFrame *rgb = self->converter ? &self->rgb : frame;
  if (self->converter)
    gst_video_converter_frame(self->converter, frame, rgb);
  *width = GST_VIDEO_FRAME_WIDTH(rgb);
  *height = GST_VIDEO_FRAME_HEIGHT(rgb);
  *stride = (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(rgb, 0);
  return (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(rgb, 0);
}
