/* test_objects.c - roi-from-meta: regions of interest of other elements are scored as objects of their own
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 128        /* of the model's frame, and of an object */
#define WIDE (3 * SIDE) /* of the video: three objects beside each other */

static Stream
open_stream(const char *more)
{
  return stream_open_video(SIDE, WIDE, SIDE, "qos=false updates=none roi-from-meta=true", more);
}

/* A frame of three pieces of cloth, a letter each: G good, B with a hole; each but “-” has a meta (transfer full). */
static GstBuffer *
frame_of(const Stream *stream, const char *kinds)
{
  g_autofree guint8 *rgb = g_new(guint8, WIDE * SIDE * 3);
  for (int i = 0; i < 3; i++) {
    g_autofree guint8 *piece = test_cloth(SIDE, SIDE, 0, kinds[i] == 'B' || kinds[i] == '-');
    for (int y = 0; y < SIDE; y++)
      memcpy(rgb + 3 * (y * WIDE + i * SIDE), piece + 3 * y * SIDE, 3 * SIDE);
  }
  GstBuffer *buffer = frame_from_rgb(&stream->info, rgb, WIDE, SIDE);
  GST_BUFFER_PTS(buffer) = 0;
  for (guint i = 0; i < 3; i++)
    if (kinds[i] != '-')
      gst_buffer_add_video_region_of_interest_meta(buffer, "part", i * SIDE, 0, SIDE, SIDE);
  return buffer;
}

/* The result on the i-th object's meta. */
static const GstStructure *
object_of(GstBuffer *buffer, guint i)
{
  const GQuark type = g_quark_from_static_string("part");
  gpointer state = NULL;
  for (GstMeta *any;
       (any = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));) {
    GstVideoRegionOfInterestMeta *meta = (GstVideoRegionOfInterestMeta *)any;
    if (meta->roi_type == type && meta->x == i * SIDE)
      return gst_video_region_of_interest_meta_get_param(meta, "cbigan");
  }
  return NULL;
}

/* The score of one piece of cloth as a picture of its own. */
static double
score_alone(gboolean hole)
{
  Stream stream = stream_open(SIDE, "mode=sync", "");
  g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, 0, hole));
  const double score = number_of(score_of(out), "score");
  stream_clear(&stream);
  return score;
}

/* Each object scores as it does alone, and the worst one's result is the frame's, with regions at its place. */
static void
test_worst(void)
{
  Stream stream = open_stream("mode=async");
  g_autoptr(GstBuffer) out = stream_push(&stream, frame_of(&stream, "GBG"));
  const GstStructure *score = score_of(out);
  const double good = score_alone(FALSE), bad = score_alone(TRUE);
  for (guint i = 0; i < 3; i++) {
    g_assert_nonnull(object_of(out, i));
    g_assert_cmpfloat_with_epsilon(number_of(object_of(out, i), "score"), i == 1 ? bad : good, 1e-6 * bad);
    g_assert_true(flag_of(object_of(out, i), "anomalous") == (i == 1));
  }
  g_assert_false(flag_of(score, "stale"));
  g_assert_true(flag_of(score, "anomalous"));
  g_assert_cmpfloat(number_of(score, "score"), ==, number_of(object_of(out, 1), "score"));
  const GValue *regions = gst_structure_get_value(score, "regions");
  g_assert_cmpuint(gst_value_array_get_size(regions), >, 0);
  for (guint i = 0; i < gst_value_array_get_size(regions); i++) {
    const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, i));
    g_assert_cmpfloat(number_of(region, "x"), >=, 1.0 / 3 - 1e-9);
    g_assert_cmpfloat(number_of(region, "x") + number_of(region, "w"), <=, 2.0 / 3 + 1e-9);
  }
  g_assert_true(gst_structure_has_field(score, "heatmap"));
  stream_clear(&stream);
}

/* What no meta names does not count. */
static void
test_unnamed(void)
{
  Stream stream = open_stream("");
  g_autoptr(GstBuffer) out = stream_push(&stream, frame_of(&stream, "G-G")),
                       none = stream_push(&stream, frame_of(&stream, "---"));
  g_assert_false(flag_of(score_of(out), "anomalous"));
  g_assert_false(flag_of(score_of(none), "anomalous"));
  g_assert_cmpfloat(number_of(score_of(none), "score"), ==, 0);
  stream_clear(&stream);
}

/* Objects that reach beyond the picture are cut, and those outside are left out; the own regions are no objects. */
static void
test_borders(void)
{
  Stream stream = open_stream("");
  GstBuffer *frame = frame_of(&stream, "---");
  gst_buffer_add_video_region_of_interest_meta(frame, "part", 2 * SIDE, 0, 10 * SIDE, SIDE);
  gst_buffer_add_video_region_of_interest_meta(frame, "part", 10 * SIDE, 0, SIDE, SIDE);
  gst_buffer_add_video_region_of_interest_meta(frame, "part", G_MAXUINT - 1, G_MAXUINT - 1, G_MAXUINT, G_MAXUINT);
  gst_buffer_add_video_region_of_interest_meta(frame, "cbigan", 0, 0, SIDE, SIDE);
  g_autoptr(GstBuffer) out = stream_push(&stream, frame);
  g_assert_cmpfloat_with_epsilon(number_of(score_of(out), "score"), score_alone(TRUE), 1e-6 * score_alone(TRUE));
  g_assert_null(object_of(out, 10));
  stream_clear(&stream);
}

/* The property changes while PLAYING. */
static void
test_property(void)
{
  Stream stream = open_stream("mode=sync");
  g_autoptr(GstBuffer) objects = stream_push(&stream, frame_of(&stream, "GGG"));
  g_assert_nonnull(object_of(objects, 0));
  g_object_set(stream.element, "roi-from-meta", FALSE, NULL);
  g_autoptr(GstBuffer) whole = stream_push(&stream, frame_of(&stream, "GGG"));
  g_assert_null(object_of(whole, 0));
  g_assert_cmpfloat(number_of(score_of(whole), "score"), !=, number_of(score_of(objects), "score"));
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/objects/worst", test_worst);
  g_test_add_func("/objects/unnamed", test_unnamed);
  g_test_add_func("/objects/borders", test_borders);
  g_test_add_func("/objects/property", test_property);
  int failed = g_test_run();
  test_model_cleanup();
  return failed;
}
