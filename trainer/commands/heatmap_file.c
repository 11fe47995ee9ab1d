/* heatmap_file.c - writes a picture with its anomaly map drawn in as a PNG file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GStreamer blends the map as an overlay composition, exactly as in a stream, and encodes the picture.
 */
#include "heatmap_file.h"
#include "data/still.h"
#include "data/stream_threads.h"
#include "i18n.h"
#include <gst/app/app.h>
#include <gst/video/video.h>
#include <string.h>

/* RGB with rows of 3 * width bytes -> a buffer with GStreamer's stride (transfer full). */
static GstBuffer *
rgb_buffer(const guint8 *pixels, const GstVideoInfo *info)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
  gsize row = (gsize)GST_VIDEO_INFO_WIDTH(info) * 3, stride = (gsize)GST_VIDEO_INFO_PLANE_STRIDE(info, 0);

  for (gsize y = 0; y < (gsize)GST_VIDEO_INFO_HEIGHT(info); y++)
    gst_buffer_fill(buffer, y * stride, pixels + y * row, row);
  return buffer;
}

/* The coloured map as a picture of width x height pixels to lay over another (transfer full); NULL: no memory */
static GstVideoOverlayComposition *
map_overlay(const CbiganResult *result, int width, int height)
{
  gsize size = (gsize)result->map_width * result->map_height * 4;
  guint8 *bgra = g_try_malloc(size);
  g_autoptr(GstBuffer) buffer = NULL;
  g_autoptr(GstVideoOverlayRectangle) rectangle = NULL;

  if (!bgra)
    return NULL;
  buffer = gst_buffer_new_wrapped(bgra, size);
  cbigan_map_to_bgra(result->map, result->map_width, result->map_height, result->threshold, bgra);
  gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB,
                            (guint)result->map_width, (guint)result->map_height);
  rectangle = gst_video_overlay_rectangle_new_raw(buffer, 0, 0, (guint)width, (guint)height,
                                                  GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  return gst_video_overlay_composition_new(rectangle);
}

static gboolean
blend(GstBuffer *picture, const GstVideoInfo *info, const CbiganResult *result)
{
  g_autoptr(GstVideoOverlayComposition) overlay =
      map_overlay(result, GST_VIDEO_INFO_WIDTH(info), GST_VIDEO_INFO_HEIGHT(info));
  GstVideoFrame frame;
  gboolean fine = overlay && gst_video_frame_map(&frame, info, picture, GST_MAP_READWRITE);

  if (fine) {
    fine = gst_video_overlay_composition_blend(overlay, &frame);
    gst_video_frame_unmap(&frame);
  }
  return fine;
}

/* The encoded file (transfer full); NULL at the end or after an error, which leaves the sink waiting. */
static GstSample *
pull(GstElement *pipeline, GstAppSink *out)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  g_autoptr(GstMessage) problem = NULL;
  GstSample *sample = NULL;

  while (!problem && !(sample = gst_app_sink_try_pull_sample(out, GST_SECOND / 10)) && !gst_app_sink_is_eos(out))
    problem = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  return sample;
}

/* Takes the picture; the encoded file (transfer full) or NULL. The sink is not `async`: playing then needs no thread
 * that might be refused. */
static GstBuffer *
encode(GstBuffer *picture, const GstVideoInfo *info, GError **error)
{
  g_autoptr(GstElement) pipeline = gst_parse_launch(
      "appsrc name=in format=time ! pngenc snapshot=true ! appsink name=out sync=false async=false", error);
  g_autoptr(GstElement) in = pipeline ? gst_bin_get_by_name(GST_BIN(pipeline), "in") : NULL;
  g_autoptr(GstElement) out = pipeline ? gst_bin_get_by_name(GST_BIN(pipeline), "out") : NULL;
  g_autoptr(GstCaps) caps = gst_video_info_to_caps(info);
  g_autoptr(GstSample) sample = NULL;

  if (!pipeline) {
    gst_buffer_unref(picture);
    return NULL;
  }
  cbigan_stream_threads_use(pipeline);
  GST_BUFFER_PTS(picture) = 0;
  gst_app_src_set_caps(GST_APP_SRC(in), caps);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  gst_app_src_push_buffer(GST_APP_SRC(in), picture);
  gst_app_src_end_of_stream(GST_APP_SRC(in));
  sample = pull(pipeline, GST_APP_SINK(out));
  gst_element_set_state(pipeline, GST_STATE_NULL);
  if (sample)
    return gst_buffer_ref(gst_sample_get_buffer(sample));
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("can't encode %dx%d pixels as PNG"), GST_VIDEO_INFO_WIDTH(info),
              GST_VIDEO_INFO_HEIGHT(info));
  return NULL;
}

/* Behind a PNG's header goes the mark by which the next run knows the file for a heat map. */
static gboolean
write_buffer(GstBuffer *buffer, const char *path, GError **error)
{
  enum { HEADER = 8 + 12 + 13 };
  g_autoptr(GByteArray) file = g_byte_array_new();
  g_autoptr(GError) reason = NULL;
  GstMapInfo map;
  gboolean fine = gst_buffer_map(buffer, &map, GST_MAP_READ);

  if (fine) {
    fine = map.size > HEADER;
    if (fine) {
      g_byte_array_append(file, map.data, HEADER);
      g_byte_array_append(file, cbigan_still_heatmap_chunk, (guint)cbigan_still_heatmap_chunk_size);
      g_byte_array_append(file, map.data + HEADER, (guint)(map.size - HEADER));
      fine = g_file_set_contents(path, (const char *)file->data, (gssize)file->len, &reason);
    }
    gst_buffer_unmap(buffer, &map);
  }
  if (!fine)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s: %s", path, reason ? reason->message : _("out of memory"));
  return fine;
}

gboolean
cbigan_heatmap_write(const CbiganPicture *picture, const CbiganResult *result, const char *path, GError **error)
{
  g_autoptr(GstBuffer) frame = NULL;
  g_autoptr(GstBuffer) png = NULL;
  GstVideoInfo info;

  g_return_val_if_fail(picture->original && result->map, FALSE);
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, (guint)picture->original_width,
                            (guint)picture->original_height);
  frame = rgb_buffer(picture->original, &info);
  if (!blend(frame, &info, result)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: can't draw the map into the picture"), path);
    return FALSE;
  }
  png = encode(g_steal_pointer(&frame), &info, error);
  return png && write_buffer(png, path, error);
}

gboolean
cbigan_png_write(const guint8 *pixels, int width, int height, const char *path, GError **error)
{
  g_autoptr(GstBuffer) png = NULL;
  g_autoptr(GError) reason = NULL;
  GstVideoInfo info;
  GstMapInfo map;
  gboolean fine;

  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, (guint)width, (guint)height);
  png = encode(rgb_buffer(pixels, &info), &info, error);
  if (!png)
    return FALSE;
  fine = gst_buffer_map(png, &map, GST_MAP_READ);
  if (fine) {
    fine = g_file_set_contents(path, (const char *)map.data, (gssize)map.size, &reason);
    gst_buffer_unmap(png, &map);
  }
  if (!fine)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s: %s", path, reason ? reason->message : _("out of memory"));
  return fine;
}
