/* upright.c - turns a frame as EXIF's orientation says
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "upright.h"
#include "cbigan.h"
#include "i18n.h"
#include "video_input.h"
#include <string.h>

/* By orientation: whether x and y change places, and which of them then runs backwards in the stored picture. */
static const struct {
  gboolean swap, from_right, from_bottom;
} turns[9] = {
  [2] = { FALSE, TRUE, FALSE }, [3] = { FALSE, TRUE, TRUE }, [4] = { FALSE, FALSE, TRUE }, [5] = { TRUE, FALSE, FALSE },
  [6] = { TRUE, FALSE, TRUE },  [7] = { TRUE, TRUE, TRUE },  [8] = { TRUE, TRUE, FALSE },
};

/* rgb: (height, width, 3), rows of `stride` bytes -> out: (height, width, 3) or (width, height, 3), without padding. */
static void
turn(const guint8 *rgb, gsize stride, int width, int height, int orientation, guint8 *out)
{
  int columns = turns[orientation].swap ? height : width, rows = turns[orientation].swap ? width : height;

  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++, out += 3) {
      int from_x = turns[orientation].swap ? y : x, from_y = turns[orientation].swap ? x : y;

      from_x = turns[orientation].from_right ? width - 1 - from_x : from_x;
      from_y = turns[orientation].from_bottom ? height - 1 - from_y : from_y;
      memcpy(out, rgb + (gsize)from_y * stride + (gsize)from_x * 3, 3);
    }
}

/* RGB of `width` x `height` without padding, which is taken. */
static GstSample *
wrap(guint8 *pixels, int width, int height)
{
  gsize offset[GST_VIDEO_MAX_PLANES] = { 0 }, size = (gsize)width * (gsize)height * 3;
  gint stride[GST_VIDEO_MAX_PLANES] = { width * 3 };
  g_autoptr(GstBuffer) buffer = gst_buffer_new_wrapped(pixels, size);
  g_autoptr(GstCaps) caps = NULL;
  GstVideoInfo info;

  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, (guint)width, (guint)height);
  caps = gst_video_info_to_caps(&info);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, (guint)width, (guint)height,
                                 1, offset, stride);
  return gst_sample_new(buffer, caps, NULL, NULL);
}

GstSample *
cbigan_upright(GstSample *sample, int orientation, GError **error)
{
  g_autoptr(GstSample) taken = sample;
  g_autoptr(CbiganVideoInput) input = NULL;
  GstSample *upright = NULL;
  GstVideoInfo info;
  GstVideoFrame frame;
  int width, height;
  gsize stride;

  if (orientation == 1)
    return g_steal_pointer(&taken);
  if (!gst_sample_get_caps(sample) || !gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
      !(input = cbigan_video_input_new(&info, 0, 0, error)))
    return NULL;
  if (gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ)) {
    const guint8 *rgb = cbigan_video_input_convert(input, &frame, &width, &height, &stride);
    guint8 *pixels = g_try_malloc((gsize)width * (gsize)height * 3);

    if (pixels) {
      turn(rgb, stride, width, height, orientation, pixels);
      upright = turns[orientation].swap ? wrap(pixels, height, width) : wrap(pixels, width, height);
    }
    gst_video_frame_unmap(&frame);
  }
  if (!upright)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("out of memory for a picture turned upright"));
  return upright;
}
