/* test_analytics.c - GstAnalytics metadata says what the score's meta says
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/analytics/analytics.h>
#include <gst/check/gstharness.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 64

static GstBuffer *
score(const char *properties, gboolean hole)
{
  g_autofree char *model = test_model_write(SIDE, 1);
  g_autofree char *line = g_strdup_printf("cbiganscore threads=1 model=%s %s", model, properties);
  Stream shape = { 0 };
  gst_video_info_set_format(&shape.info, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  shape.info.fps_n = 25;
  GstHarness *harness = gst_harness_new_parse(line);
  gst_harness_set_live(harness, FALSE);
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=64,height=64,framerate=25/1");
  GstBuffer *buffer = gst_harness_push_and_pull(harness, stream_frame(&shape, 1, hole));
  gst_harness_teardown(harness);
  return buffer;
}

/* The pixels of the mask that are 1, in all and within the box. */
static void
count_mask(GstAnalyticsSegmentationMtd *segmentation, int x, int y, int w, int h, guint *all, guint *within)
{
  int left, top;
  guint width, height;
  GstMapInfo map;
  g_autoptr(GstBuffer) mask = gst_analytics_segmentation_mtd_get_mask(segmentation, &left, &top, &width, &height);
  g_assert_nonnull(mask);
  GstVideoMeta *meta = gst_buffer_get_video_meta(mask);
  g_assert_cmpint(left, ==, 0);
  g_assert_cmpint(top, ==, 0);
  g_assert_cmpuint(width, ==, SIDE);
  g_assert_cmpuint(height, ==, SIDE);
  g_assert_true(meta && meta->width == SIDE && meta->height == SIDE);
  g_assert_true(gst_buffer_map(mask, &map, GST_MAP_READ));
  *all = *within = 0;
  for (int row = 0; row < SIDE; row++)
    for (int column = 0; column < SIDE; column++) {
      const guint8 value = map.data[row * meta->stride[0] + column];
      g_assert_cmpuint(value, <=, 1);
      *all += value;
      *within += column >= x && column < x + w && row >= y && row < y + h ? value : 0;
    }
  gst_buffer_unmap(mask, &map);
}

static void
test_defect(void)
{
  g_autoptr(GstBuffer) buffer = score("", TRUE);
  GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta(buffer);
  GstVideoRegionOfInterestMeta *roi;
  GstAnalyticsSegmentationMtd segmentation = { 0 };
  GstAnalyticsClsMtd verdict;
  GstAnalyticsODMtd object;
  gpointer state = NULL, rois = NULL;
  guint objects = 0, all = 0, within = 0, inside = 0;
  g_assert_nonnull(meta);
  g_assert_true(gst_analytics_relation_meta_iterate(meta, &state, gst_analytics_cls_mtd_get_mtd_type(), &verdict));
  g_assert_cmpstr(g_quark_to_string(gst_analytics_cls_mtd_get_quark(&verdict, 0)), ==, "anomalous");
  g_assert_cmpfloat(gst_analytics_cls_mtd_get_level(&verdict, 0), >, 0.5);
  state = NULL;
  g_assert_true(
      gst_analytics_relation_meta_iterate(meta, &state, gst_analytics_segmentation_mtd_get_mtd_type(), &segmentation));
  state = NULL;
  while (gst_analytics_relation_meta_iterate(meta, &state, gst_analytics_od_mtd_get_mtd_type(), &object)) {
    int x, y, w, h;
    float confidence;
    g_assert_true(gst_analytics_od_mtd_get_location(&object, &x, &y, &w, &h, &confidence));
    g_assert_cmpstr(g_quark_to_string(gst_analytics_od_mtd_get_obj_type(&object)), ==, "anomaly");
    g_assert_cmpfloat(confidence, >, 0.5);
    roi = (GstVideoRegionOfInterestMeta *)gst_buffer_iterate_meta_filtered(buffer, &rois,
                                                                           GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
    g_assert_nonnull(roi);
    g_assert_true(roi->x == (guint)x && roi->y == (guint)y && roi->w == (guint)w && roi->h == (guint)h);
    count_mask(&segmentation, x, y, w, h, &all, &within);
    g_assert_cmpuint(within, >, 0);
    inside += within;
    objects++;
  }
  g_assert_cmpuint(objects, >, 0);
  g_assert_cmpuint(inside, >=, all);
}

static void
test_good(void)
{
  g_autoptr(GstBuffer) buffer = score("", FALSE);
  GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta(buffer);
  GstAnalyticsClsMtd verdict;
  GstAnalyticsODMtd object;
  gpointer state = NULL;
  g_assert_nonnull(meta);
  g_assert_true(gst_analytics_relation_meta_iterate(meta, &state, gst_analytics_cls_mtd_get_mtd_type(), &verdict));
  g_assert_cmpstr(g_quark_to_string(gst_analytics_cls_mtd_get_quark(&verdict, 0)), ==, "good");
  state = NULL;
  g_assert_false(gst_analytics_relation_meta_iterate(meta, &state, gst_analytics_od_mtd_get_mtd_type(), &object));
}

static void
test_off(void)
{
  g_autoptr(GstBuffer) buffer = score("regions=false", TRUE);
  g_assert_null(gst_buffer_get_analytics_relation_meta(buffer));
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/analytics/defect", test_defect);
  g_test_add_func("/analytics/good", test_good);
  g_test_add_func("/analytics/off", test_off);
  return g_test_run();
}
