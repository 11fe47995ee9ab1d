/* test_drawing.c - what cbiganoverlay writes and draws besides the attached map, in any format
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 128
#define LARGE 320 /* of the frame that is drawn into */

/* Luma (h, w) of a frame of cloth behind cbiganscore, a scaler and cbiganoverlay (transfer none): kept, as many tests
 * compare with the same one. */
static const guint8 *
draw(const char *format, gboolean hole, const char *score, const char *overlay)
{
  static GHashTable *kept; /* arguments -> luma */
  g_autofree char *key = g_strdup_printf("%s, %d, %s, %s", format, hole, score, overlay);
  if (!kept)
    kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  if (g_hash_table_contains(kept, key))
    return g_hash_table_lookup(kept, key);
  g_autofree char *model = test_model_write(SIDE, 1),
                  *line = g_strdup_printf("cbiganscore threads=1 model=%s %s ! videoconvert ! videoscale ! "
                                          "video/x-raw,format=%s,width=%d,height=%d ! cbiganoverlay bar=false "
                                          "border=false %s ! videoconvert ! video/x-raw,format=GRAY8 ! identity",
                                          model, score, format, LARGE, LARGE, overlay);
  Stream shape = { 0 };
  gst_video_info_set_format(&shape.info, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  shape.info.fps_n = 25;
  GstHarness *harness = gst_harness_new_parse(line);
  gst_harness_set_live(harness, FALSE);
  gst_harness_set_src_caps(harness, gst_video_info_to_caps(&shape.info));
  g_autoptr(GstBuffer) out = gst_harness_push_and_pull(harness, stream_frame(&shape, 2, hole));
  g_assert_nonnull(out);
  if (!strstr(overlay, "heatmap=false")) /* then the map stays for others */
    g_assert_null(gst_buffer_get_video_overlay_composition_meta(out));
  guint8 *luma = g_new(guint8, LARGE * LARGE);
  g_assert_cmpuint(gst_buffer_extract(out, 0, luma, LARGE * LARGE), ==, LARGE * LARGE);
  gst_harness_teardown(harness);
  g_hash_table_insert(kept, g_steal_pointer(&key), luma);
  return luma;
}

typedef struct {
  int left, top, right, bottom; /* around all pixels that differ; right and bottom exclusive */
  guint n;
} Difference;

static Difference
difference(const guint8 *a, const guint8 *b)
{
  Difference d = { LARGE, LARGE, 0, 0, 0 };
  for (int i = 0; i < LARGE * LARGE; i++)
    if (ABS(a[i] - b[i]) > 2) {
      d.n++;
      d.left = MIN(d.left, i % LARGE);
      d.right = MAX(d.right, i % LARGE + 1);
      d.top = MIN(d.top, i / LARGE);
      d.bottom = MAX(d.bottom, i / LARGE + 1);
    }
  return d;
}

static Difference
drawn(const char *format, gboolean hole, const char *score, const char *overlay)
{
  return difference(draw(format, hole, score, "heatmap=false"), draw(format, hole, score, overlay));
}

/* Text lies in the upper left corner; a name and each area add a line. Formats need no conversion. */
static void
test_text(void)
{
  static const char *const formats[] = { "RGB", "BGRx", "I420", "NV12", "YUY2", "GRAY8" };
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    const Difference one = drawn(formats[i], FALSE, "", "text=true heatmap=false"),
                     two = drawn(formats[i], FALSE, "", "text=true camera=\"line 7\" heatmap=false"),
                     four = drawn(formats[i], FALSE, "roi=\"a=0,0,1,1;b=0,0,1,1\"", "text=true camera=x heatmap=false");
    g_test_message("%s: %u, %u, %u pixels", formats[i], one.n, two.n, four.n);
    g_assert_cmpuint(one.n, >, 100);
    g_assert_cmpint(one.left, <, 20);
    g_assert_cmpint(one.top, <, 20);
    g_assert_cmpint(one.right, <, LARGE * 3 / 4);
    g_assert_cmpint(one.bottom, <, LARGE / 6);
    g_assert_cmpint(two.bottom, >=, one.bottom + 8);
    g_assert_cmpint(four.bottom, >=, two.bottom + 16);
  }
}

static void
test_text_size(void)
{
  const Difference small = drawn("I420", FALSE, "", "text=true text-size=10 heatmap=false"),
                   large = drawn("I420", FALSE, "", "text=true text-size=40 heatmap=false");
  g_assert_cmpint(large.bottom - large.top, >, 3 * (small.bottom - small.top));
}

/* The map has its place after scaling, whether cbiganscore attached it or not, and in any colours. */
static void
test_colormap(void)
{
  const Difference attached = drawn("RGB", TRUE, "", "");
  static const char *const colormaps[] = { "inferno", "viridis", "turbo", "gray", "red" };
  g_assert_cmpuint(attached.n, >, 100);
  for (guint i = 0; i < G_N_ELEMENTS(colormaps); i++) {
    g_autofree char *overlay = g_strdup_printf("colormap=%s", colormaps[i]);
    const Difference d = drawn("RGB", TRUE, "overlay=none", overlay);
    g_test_message("%s: %u pixels, attached %u", colormaps[i], d.n, attached.n);
    g_assert_cmpuint(d.n, >, 100);
    g_assert_cmpint(ABS(d.left - attached.left), <=, 12);
    g_assert_cmpint(ABS(d.bottom - attached.bottom), <=, 12);
  }
  g_assert_cmpuint(drawn("RGB", FALSE, "overlay=none", "colormap=turbo").n, ==, 0);
}

/* Lines lie within the map's place and are fewer pixels than the map. */
static void
test_contours(void)
{
  const Difference map = drawn("NV12", TRUE, "", ""), lines = drawn("NV12", TRUE, "", "heatmap=false contours=true");
  g_assert_cmpuint(lines.n, >, 20);
  g_assert_cmpint(lines.left, >=, map.left - 4);
  g_assert_cmpint(lines.bottom, <=, map.bottom + 4);
  g_assert_cmpuint(drawn("NV12", FALSE, "", "heatmap=false contours=true").n, ==, 0);
}

static void
test_legend(void)
{
  const Difference d = drawn("I420", FALSE, "", "heatmap=false legend=true");
  g_assert_cmpuint(d.n, >, 500);
  g_assert_cmpint(d.left, >, LARGE / 2);
}

/* A carried result is drawn until it is as old as expiry, and then no more. */
static void
test_expiry(void)
{
  g_autofree char *model = test_model_write(SIDE, 1),
                  *line = g_strdup_printf("cbiganscore threads=1 mode=sync qos=false frame-interval=100 model=%s ! "
                                          "cbiganoverlay expiry=100000000",
                                          model);
  Stream shape = { 0 };
  gst_video_info_set_format(&shape.info, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  shape.info.fps_n = 25;
  GstHarness *harness = gst_harness_new_parse(line);
  gst_harness_set_live(harness, FALSE);
  gst_harness_set_src_caps(harness, gst_video_info_to_caps(&shape.info));
  for (guint i = 0; i < 5; i++) { /* 40 ms each */
    g_autoptr(GstBuffer) before = stream_frame(&shape, i, TRUE),
                         after = gst_harness_push_and_pull(harness, gst_buffer_copy_deep(before));
    GstMapInfo map;
    g_assert_true(gst_buffer_map(before, &map, GST_MAP_READ));
    g_assert_true((gst_buffer_memcmp(after, 0, map.data, map.size) != 0) == (i <= 2));
    g_assert_null(gst_buffer_get_video_overlay_composition_meta(after));
    gst_buffer_unmap(before, &map);
  }
  gst_harness_teardown(harness);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drawing/text", test_text);
  g_test_add_func("/drawing/text-size", test_text_size);
  g_test_add_func("/drawing/colormap", test_colormap);
  g_test_add_func("/drawing/contours", test_contours);
  g_test_add_func("/drawing/legend", test_legend);
  g_test_add_func("/drawing/expiry", test_expiry);
  int failed = g_test_run();
  test_model_cleanup();
  return failed;
}
