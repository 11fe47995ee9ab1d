/* analytics.c - class, objects and segmentation in a GstAnalyticsRelationMeta
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "analytics.h"

#include <gst/analytics/analytics.h>
#include <math.h>

GstBuffer *
cbigan_analytics_mask(const CbiganResult *result)
{
  const int w = result->map_width, h = result->map_height;
  GstVideoInfo info;
  if (!w || !result->n_regions || !gst_video_info_set_format(&info, GST_VIDEO_FORMAT_GRAY8, (guint)w, (guint)h))
    return NULL;
  const gsize stride = (gsize)GST_VIDEO_INFO_PLANE_STRIDE(&info, 0);
  guint8 *mask = g_try_malloc0(info.size);
  if (!mask)
    return NULL;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      mask[(gsize)y * stride + (gsize)x] = result->map[(gsize)y * (gsize)w + (gsize)x] > result->threshold;
  GstBuffer *buffer = gst_buffer_new_wrapped(mask, info.size);
  gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, (guint)w, (guint)h);
  return buffer;
}

/* The region in pixels of the buffer's whole picture. Its sides are at least one pixel long. */
static void
add_object(const CbiganRegion *region, const CbiganVideoPart *part, GstAnalyticsRelationMeta *meta)
{
  const int x = (int)(part->x + region->x * part->width), y = (int)(part->y + region->y * part->height);
  const int w = MAX((int)(region->w * part->width + 0.5), 1), h = MAX((int)(region->h * part->height + 0.5), 1);
  GstAnalyticsODMtd object;
  gst_analytics_relation_meta_add_od_mtd(meta, g_quark_from_static_string("anomaly"), x, y, w, h, (float)region->peak,
                                         &object);
}

void
cbigan_analytics_attach(const CbiganResult *result, GstBuffer *mask, const CbiganVideoPart *part, GstBuffer *buffer)
{
  GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta(buffer);
  GstAnalyticsClsMtd verdict;
  if (!meta)
    meta = gst_buffer_add_analytics_relation_meta(buffer);
  if (!isnan(result->normalized)) {
    const double confidence = result->anomalous ? result->normalized : 1.0 - result->normalized;
    gst_analytics_relation_meta_add_one_cls_mtd(
        meta, (float)confidence, g_quark_from_static_string(result->anomalous ? "anomalous" : "good"), &verdict);
  }
  for (guint i = 0; i < result->n_regions; i++)
    add_object(&result->regions[i], part, meta);
  if (!mask)
    return;
  guint ids[] = { 0, 1 };
  GstAnalyticsSegmentationMtd segmentation;
  gst_analytics_relation_meta_add_segmentation_mtd(meta, gst_buffer_ref(mask), GST_SEGMENTATION_TYPE_SEMANTIC,
                                                   G_N_ELEMENTS(ids), ids, part->x, part->y, (guint)part->width,
                                                   (guint)part->height, &segmentation);
}
