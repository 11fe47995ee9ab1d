/* stream.c - a cbiganscore in a harness, and frames for it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "stream.h"
#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#include <string.h>

#include "test_model.h"

#define FRAME_TIME (40 * GST_MSECOND)

Stream
stream_new(const char *properties)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *line = g_strdup_printf("cbiganscore threads=1 %s", properties);
  Stream self = { .bus = gst_bus_new() };
  self.element = gst_parse_launch(line, &error);
  g_assert_no_error(error);
  gst_object_ref_sink(self.element);
  gst_element_set_bus(self.element, self.bus);
  self.harness = gst_harness_new_with_element(self.element, "sink", "src");
  gst_harness_set_live(self.harness, FALSE);
  g_assert_cmpint(GST_STATE(self.element), ==, GST_STATE_PLAYING);
  return self;
}

void
stream_clear(Stream *self)
{
  gst_harness_teardown(self->harness);
  gst_bus_set_flushing(self->bus, TRUE);
  gst_element_set_bus(self->element, NULL);
  gst_object_unref(self->bus);
  gst_object_unref(self->element);
}

void
stream_set_caps(Stream *self, GstVideoFormat format, int width, int height)
{
  gst_video_info_set_format(&self->info, format, (guint)width, (guint)height);
  self->info.fps_n = 25;
  self->info.fps_d = 1;
  gst_harness_set_src_caps(self->harness, gst_video_info_to_caps(&self->info));
}

GstBuffer *
frame_from_rgb(const GstVideoInfo *info, const guint8 *rgb, int width, int height)
{
  GstVideoInfo from;
  GstVideoFrame in, out;
  gst_video_info_set_format(&from, GST_VIDEO_FORMAT_RGB, (guint)width, (guint)height);
  from.fps_n = info->fps_n;
  from.fps_d = info->fps_d;
  g_autoptr(GstBuffer) source = gst_buffer_new_allocate(NULL, from.size, NULL);
  g_assert_true(gst_video_frame_map(&in, &from, source, GST_MAP_WRITE));
  for (int y = 0; y < height; y++)
    memcpy((guint8 *)in.data[0] + y * from.stride[0], rgb + (gsize)y * width * 3, (gsize)width * 3);
  gst_video_frame_unmap(&in);

  GstBuffer *buffer = gst_buffer_new_allocate(NULL, info->size, NULL);
  gst_buffer_memset(buffer, 0, 0, info->size);
  g_assert_true(gst_video_frame_map(&in, &from, source, GST_MAP_READ));
  g_assert_true(gst_video_frame_map(&out, info, buffer, GST_MAP_WRITE));
  GstVideoConverter *converter = gst_video_converter_new(&from, info, NULL);
  g_assert_nonnull(converter);
  gst_video_converter_frame(converter, &in, &out);
  gst_video_converter_free(converter);
  gst_video_frame_unmap(&out);
  gst_video_frame_unmap(&in);
  return buffer;
}

GstBuffer *
frame_with_border(const GstVideoInfo *info, GstBuffer *plain, int left, int top)
{
  GstVideoInfo large;
  GstVideoFrame from, to;
  gst_video_info_set_format(&large, GST_VIDEO_INFO_FORMAT(info), (guint)(info->width + left + 6),
                            (guint)(info->height + top + 10));
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, large.size, NULL);
  gst_buffer_memset(buffer, 0, 0xaa, large.size);
  g_assert_true(gst_video_frame_map(&from, info, plain, GST_MAP_READ));
  g_assert_true(gst_video_frame_map(&to, &large, buffer, GST_MAP_WRITE));
  for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES(&from); p++) {
    const GstVideoFormatInfo *format = info->finfo;
    const guint c = p; /* component p is the first one of plane p */
    const int step = GST_VIDEO_FRAME_COMP_PSTRIDE(&from, c), row = GST_VIDEO_FRAME_COMP_WIDTH(&from, c) * step;
    const int x = left >> GST_VIDEO_FORMAT_INFO_W_SUB(format, c), y = top >> GST_VIDEO_FORMAT_INFO_H_SUB(format, c);
    for (int j = 0; j < GST_VIDEO_FRAME_COMP_HEIGHT(&from, c); j++)
      memcpy((guint8 *)to.data[p] + (y + j) * to.info.stride[p] + x * step,
             (guint8 *)from.data[p] + j * from.info.stride[p], (gsize)row);
  }
  gst_video_frame_unmap(&from);
  gst_video_frame_unmap(&to);
  gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(info), (guint)large.width,
                            (guint)large.height);
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(buffer);
  crop->x = (guint)left;
  crop->y = (guint)top;
  crop->width = (guint)info->width;
  crop->height = (guint)info->height;
  return buffer;
}

Stream
stream_open_video(int side, int width, int height, const char *usual, const char *more)
{
  g_autofree char *model = test_model_write(side, 1),
                  *properties = g_strdup_printf("model=%s %s %s", model, usual, more);
  Stream self = stream_new(properties);
  stream_set_caps(&self, GST_VIDEO_FORMAT_RGB, width, height);
  return self;
}

Stream
stream_open(int side, const char *usual, const char *more)
{
  return stream_open_video(side, side, side, usual, more);
}

GstBuffer *
stream_frame(const Stream *self, guint n, gboolean hole)
{
  g_autofree guint8 *rgb = test_cloth(self->info.width, self->info.height, n, hole);
  GstBuffer *buffer = frame_from_rgb(&self->info, rgb, self->info.width, self->info.height);
  GST_BUFFER_PTS(buffer) = n * FRAME_TIME;
  GST_BUFFER_DURATION(buffer) = FRAME_TIME;
  return buffer;
}

GstBuffer *
stream_push(Stream *self, GstBuffer *buffer)
{
  g_assert_cmpint(gst_harness_push(self->harness, buffer), ==, GST_FLOW_OK);
  GstBuffer *out = gst_harness_try_pull(self->harness);
  g_assert_nonnull(out);
  return out;
}

const GstStructure *
score_of(GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "CbiganScore");
  g_assert_nonnull(meta);
  return gst_custom_meta_get_structure(meta);
}

double
number_of(const GstStructure *structure, const char *field)
{
  double value;
  if (!gst_structure_get_double(structure, field, &value))
    g_error("no number “%s” in %s", field, gst_structure_to_string(structure));
  return value;
}

gboolean
flag_of(const GstStructure *structure, const char *field)
{
  gboolean value;
  if (!gst_structure_get_boolean(structure, field, &value))
    g_error("no flag “%s” in %s", field, gst_structure_to_string(structure));
  return value;
}

GstMessage *
stream_message(Stream *self, GstMessageType type)
{
  return gst_bus_pop_filtered(self->bus, type);
}

void
stream_control(Stream *self, const char *property, double first, GstClockTime at, double later)
{
  GstControlSource *source = gst_interpolation_control_source_new();
  g_object_set(source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
  gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), 0, first);
  gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), at, later);
  g_assert_true(gst_object_add_control_binding(
      GST_OBJECT(self->element), gst_direct_control_binding_new_absolute(GST_OBJECT(self->element), property, source)));
  gst_object_unref(source);
}
