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

/* One conversion and the frame that it fills. */
typedef struct {
  GstVideoConverter *converter;
  GstBuffer *buffer;
  GstVideoFrame frame; /* of the buffer, mapped as long as the step lives */
} Step;

struct _CbiganVideoInput {
  Step steps[2];
  guint n_steps; /* 0: the stream is what a model wants */
};

/* A video of that format and size, otherwise as `info`: a GstVideoConverter demands the same interlacing and rate. */
static gboolean
set_info(GstVideoInfo *to, GstVideoFormat format, const GstVideoInfo *info, int width, int height)
{
  if (!gst_video_info_set_interlaced_format(to, format, GST_VIDEO_INFO_INTERLACE_MODE(info), (guint)width,
                                            (guint)height))
    return FALSE;
  to->fps_n = info->fps_n;
  to->fps_d = info->fps_d;
  return TRUE;
}

/* Whether a gray line of `from` pixels keeps its gray when resized to `to` pixels. taps: 0 = the resampler's choice. */
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

/* GStreamer rounds the taps of a filter to 1/64. Several equal taps may then not add up to one, at ratios such as 8:1,
 * which tints the borders by up to 10 %. A filter with a few more taps does not have this fault. */
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

/* Where GStreamer 1.22 scales before it goes from 16 bits to 8, it converts as many columns as the video had before. If
 * it then made the picture wider, the other columns are memory that nothing has filled. It scales first where that
 * leaves no more pixels. */
static gboolean
leaves_columns(const GstVideoInfo *info, int width, int height)
{
  const GstVideoFormatInfo *unpacked = gst_video_format_get_info(info->finfo->unpack_format);
  return GST_VIDEO_FORMAT_INFO_DEPTH(unpacked, 0) > 8 && width > info->width &&
         (gint64)width * height <= (gint64)info->width * info->height;
}

/* FALSE: without an error where GStreamer can't convert that */
static gboolean
add_step(CbiganVideoInput *self, const GstVideoInfo *from, const GstVideoInfo *to, guint taps, GError **error)
{
  Step *step = &self->steps[self->n_steps];
  step->converter = gst_video_converter_new(from, to, converter_options(taps));
  /* GStreamer's own allocation ends the process where there is no memory. */
  guint8 *data = step->converter ? g_try_malloc(GST_VIDEO_INFO_SIZE(to)) : NULL;
  if (step->converter && !data)
    g_set_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED, _("out of memory (%.1f MiB more needed)"),
                (double)GST_VIDEO_INFO_SIZE(to) / 1048576.0);
  step->buffer = data ? gst_buffer_new_wrapped(data, GST_VIDEO_INFO_SIZE(to)) : NULL;
  if (!step->buffer || !gst_video_frame_map(&step->frame, to, step->buffer, GST_MAP_READWRITE)) {
    gst_clear_buffer(&step->buffer);
    g_clear_pointer(&step->converter, gst_video_converter_free);
    return FALSE;
  }
  self->n_steps++;
  return TRUE;
}

/* From `info` to `rgb`; in two steps, first rows and then columns, where GStreamer can't do it in one. */
static gboolean
add_steps(CbiganVideoInput *self, const GstVideoInfo *info, const GstVideoInfo *rgb, GError **error)
{
  const guint taps = cbigan_video_input_taps(info->width, info->height, rgb->width, rgb->height);
  GstVideoInfo lower;
  if (!leaves_columns(info, rgb->width, rgb->height))
    return add_step(self, info, rgb, taps, error);
  if (!set_info(&lower, info->finfo->unpack_format, info, info->width, rgb->height))
    return FALSE;
  lower.colorimetry = info->colorimetry;
  return add_step(self, info, &lower, taps, error) && add_step(self, &lower, rgb, taps, error);
}

CbiganVideoInput *
cbigan_video_input_new(const GstVideoInfo *info, int width, int height, GError **error)
{
  g_autoptr(CbiganVideoInput) self = g_new0(CbiganVideoInput, 1);
  g_autoptr(GError) reason = NULL;
  const char *format = GST_VIDEO_INFO_NAME(info);
  GstVideoInfo rgb;

  g_return_val_if_fail(width >= 0 && height >= 0 && !width == !height, NULL);
  if (GST_VIDEO_INFO_WIDTH(info) < 1 || GST_VIDEO_INFO_HEIGHT(info) < 1) {
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                _("video of %dx%d pixels (%s) can't be scored: expected at least 1x1"), GST_VIDEO_INFO_WIDTH(info),
                GST_VIDEO_INFO_HEIGHT(info), format);
    return NULL;
  }
  if (!width) {
    width = GST_VIDEO_INFO_WIDTH(info);
    height = GST_VIDEO_INFO_HEIGHT(info);
  }
  if (!set_info(&rgb, GST_VIDEO_FORMAT_RGB, info, width, height) ||
      !(is_rgb(info, &rgb) || add_steps(self, info, &rgb, &reason))) {
    if (reason)
      g_propagate_error(error, g_steal_pointer(&reason));
    else
      g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                  _("video of format %s, %dx%d pixels can't be converted to RGB, %dx%d"), format,
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
  for (guint i = 0; i < self->n_steps; i++) {
    gst_video_frame_unmap(&self->steps[i].frame);
    gst_buffer_unref(self->steps[i].buffer);
    gst_video_converter_free(self->steps[i].converter);
  }
  g_free(self);
}

const guint8 *
cbigan_video_input_convert(CbiganVideoInput *self, GstVideoFrame *frame, int *width, int *height, gsize *stride)
{
  for (guint i = 0; i < self->n_steps; i++) {
    gst_video_converter_frame(self->steps[i].converter, frame, &self->steps[i].frame);
    frame = &self->steps[i].frame;
  }
  *width = GST_VIDEO_FRAME_WIDTH(frame);
  *height = GST_VIDEO_FRAME_HEIGHT(frame);
  *stride = (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0);
  return (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, 0);
}
