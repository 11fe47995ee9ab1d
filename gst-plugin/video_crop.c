/* video_crop.c - the visible part of a buffer's picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "video_crop.h"

#include <cbigan.h>
#include <gst/video/gstvideoaffinetransformationmeta.h>

#include "i18n.h"

/* First component in a plane, or -1 for a plane without pixels, such as a palette. *align: pixels that can't be parted.
 */
static int
component_of_plane(const GstVideoFormatInfo *format, guint plane, guint *align)
{
  int first = -1;
  *align = 1;
  for (guint c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS(format); c++) {
    if (GST_VIDEO_FORMAT_INFO_PLANE(format, c) != plane)
      continue;
    if (first < 0 || GST_VIDEO_FORMAT_INFO_W_SUB(format, c) < GST_VIDEO_FORMAT_INFO_W_SUB(format, first))
      first = (int)c;
    *align = MAX(*align, 1u << GST_VIDEO_FORMAT_INFO_W_SUB(format, c));
  }
  return first;
}

/* Whether a part may begin at any pixel: not in tiles, and not where pixels share words (v210). */
static gboolean
has_pixel_places(const GstVideoFormatInfo *format)
{
  if (GST_VIDEO_FORMAT_INFO_IS_TILED(format))
    return FALSE;
  for (guint c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS(format); c++)
    if (!GST_VIDEO_FORMAT_INFO_PSTRIDE(format, c))
      return FALSE;
  return TRUE;
}

gboolean
cbigan_video_part_find(CbiganVideoPart *self, const GstVideoInfo *info, GstBuffer *buffer, GError **error)
{
  const GstVideoMeta *video = gst_buffer_get_video_meta(buffer);
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta(buffer);
  const guint width = video ? video->width : (guint)info->width, height = video ? video->height : (guint)info->height;
  const guint x = crop ? crop->x : 0, y = crop ? crop->y : 0;
  const guint w = crop ? crop->width : (guint)info->width, h = crop ? crop->height : (guint)info->height;

  if (!w || !h || w > width || h > height || x > width - w || y > height - h) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                _("a buffer's visible part, %ux%u pixels at %u,%u, does not lie in its picture of %ux%u pixels"), w, h,
                x, y, width, height);
    return FALSE;
  }
  if ((x || y) && !has_pixel_places(info->finfo)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                _("Video of format %s can't begin at %u,%u in its buffer; expected 0,0: put videoconvert before the "
                  "element that crops"),
                GST_VIDEO_INFO_NAME(info), x, y);
    return FALSE;
  }
  *self = (CbiganVideoPart){ (int)x, (int)y, (int)w, (int)h, (int)width, (int)height };
  return TRUE;
}

gssize
cbigan_video_part_offset(const CbiganVideoPart *self, const GstVideoFormatInfo *format, guint plane, int stride)
{
  guint align;
  const int c = component_of_plane(format, plane, &align);
  if (c < 0 || (!self->x && !self->y))
    return 0;
  const guint x = (guint)self->x & ~(align - 1);
  return (gssize)(x >> GST_VIDEO_FORMAT_INFO_W_SUB(format, c)) * GST_VIDEO_FORMAT_INFO_PSTRIDE(format, c) +
         (gssize)(self->y >> GST_VIDEO_FORMAT_INFO_H_SUB(format, c)) * stride;
}

void
cbigan_video_part_crop(const CbiganVideoPart *self, GstVideoFrame *frame)
{
  for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES(frame); p++)
    frame->data[p] = (guint8 *)frame->data[p] +
                     cbigan_video_part_offset(self, frame->info.finfo, p, GST_VIDEO_FRAME_PLANE_STRIDE(frame, p));
  frame->info.width = self->width;
  frame->info.height = self->height;
}

static void
remove_meta(GstQuery *query, GType api)
{
  guint index;
  while (gst_query_find_allocation_meta(query, api, &index))
    gst_query_remove_nth_allocation_meta(query, index);
}

void
cbigan_allocation_remove_metas(GstQuery *query)
{
  GstVideoInfo info;
  GstCaps *caps = NULL;
  gst_query_parse_allocation(query, &caps, NULL);
  /* An upstream element would leave the picture as it is, and say how the sink must turn it. */
  remove_meta(query, GST_VIDEO_AFFINE_TRANSFORMATION_META_API_TYPE);
  if (!caps || !gst_video_info_from_caps(&info, caps) || !has_pixel_places(info.finfo))
    remove_meta(query, GST_VIDEO_CROP_META_API_TYPE);
  /* An upstream element would leave text out of the pixels, so that a score depended on the sink. In GPU memory no
   * element could draw it otherwise. */
  const GstCapsFeatures *features = caps && gst_caps_get_size(caps) ? gst_caps_get_features(caps, 0) : NULL;
  if (!features || gst_caps_features_contains(features, GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY))
    remove_meta(query, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE);
}
