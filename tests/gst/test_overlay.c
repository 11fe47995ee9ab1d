/* test_overlay.c - cbiganoverlay draws where the map is hot, and nowhere else
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 128

typedef struct {
  GstHarness *harness;
  GstBuffer *before, *after;
} Drawn;

/* A frame of cloth through cbiganscore, with `more` properties, and cbiganoverlay, with `properties`. */
static Drawn
draw(GstVideoFormat format, gboolean hole, const char *more, const char *properties)
{
  Drawn drawn;
  g_autofree char *model = test_model_write(SIDE, 1);
  g_autofree char *line =
      g_strdup_printf("cbiganscore threads=1 model=%s %s ! cbiganoverlay %s", model, more, properties);
  Stream shape = { 0 };
  gst_video_info_set_format(&shape.info, format, SIDE, SIDE);
  shape.info.fps_n = 25;
  drawn.harness = gst_harness_new_parse(line);
  gst_harness_set_live(drawn.harness, FALSE);
  gst_harness_set_src_caps(drawn.harness, gst_video_info_to_caps(&shape.info));
  drawn.before = stream_frame(&shape, 2, hole);
  drawn.after = gst_harness_push_and_pull(drawn.harness, gst_buffer_copy_deep(drawn.before));
  g_assert_nonnull(drawn.after);
  return drawn;
}

static void
drawn_clear(Drawn *drawn)
{
  gst_buffer_unref(drawn->before);
  gst_buffer_unref(drawn->after);
  gst_harness_teardown(drawn->harness);
}

/* changed[SIDE * SIDE]: whether an RGB pixel was drawn over; returns how many were. */
static guint
changed_pixels(const Drawn *drawn, gboolean *changed)
{
  GstMapInfo a, b;
  guint n = 0;
  gst_buffer_map(drawn->before, &a, GST_MAP_READ);
  gst_buffer_map(drawn->after, &b, GST_MAP_READ);
  g_assert_cmpuint(a.size, ==, b.size);
  for (int i = 0; i < SIDE * SIDE; i++)
    n += changed[i] = memcmp(a.data + 3 * i, b.data + 3 * i, 3) != 0;
  gst_buffer_unmap(drawn->before, &a);
  gst_buffer_unmap(drawn->after, &b);
  return n;
}

/* The largest and smallest value of the heat map among the pixels with that flag. */
static void
heat_range(const Drawn *drawn, const gboolean *flags, gboolean flag, guint16 *low, guint16 *high)
{
  GstSample *sample = gst_value_get_sample(gst_structure_get_value(score_of(drawn->after), "heatmap"));
  GstMapInfo map;
  gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ);
  *low = G_MAXUINT16;
  *high = 0;
  for (int i = 0; i < SIDE * SIDE; i++)
    if (flags[i] == flag) {
      guint16 heat = GST_READ_UINT16_LE(map.data + 2 * i);
      *low = MIN(*low, heat);
      *high = MAX(*high, heat);
    }
  gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
}

static void
test_heatmap(void)
{
  Drawn drawn = draw(GST_VIDEO_FORMAT_RGB, TRUE, "", "bar=false border=false");
  gboolean changed[SIDE * SIDE];
  guint16 drawn_low, drawn_high, other_low, other_high;
  guint n = changed_pixels(&drawn, changed);
  g_assert_cmpuint(n, >, 20);
  heat_range(&drawn, changed, TRUE, &drawn_low, &drawn_high);
  heat_range(&drawn, changed, FALSE, &other_low, &other_high);
  g_test_message("%u pixels drawn over, heat %u to %u; the others %u to %u", n, drawn_low, drawn_high, other_low,
                 other_high);
  g_assert_cmpuint(drawn_high, >, 32768);
  g_assert_cmpuint(other_high, <, 36000); /* nothing hot is left out, up to faint colours */
  g_assert_cmpuint(drawn_low, >, 16000);  /* nothing normal is coloured */
  g_assert_null(gst_buffer_get_video_overlay_composition_meta(drawn.after)); /* no sink draws it again */
  drawn_clear(&drawn);
}

/* heatmaps=…: frames without a map have no heat map, no regions and no colours; their verdicts stay. */
static void
test_wanted(void)
{
  static const struct {
    const char *property;
    gboolean has[2]; /* good, defective */
  } rows[] = { { "heatmaps=all", { TRUE, TRUE } },
               { "heatmaps=anomalous", { FALSE, TRUE } },
               { "heatmaps=none", { FALSE, FALSE } } };
  for (guint i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
    const gboolean bad = i % 2, has = rows[i / 2].has[bad];
    Drawn drawn = draw(GST_VIDEO_FORMAT_RGB, bad, rows[i / 2].property, "bar=false border=false");
    gboolean changed[SIDE * SIDE], anomalous = !bad;
    const GstStructure *score = score_of(drawn.after);
    gst_structure_get_boolean(score, "anomalous", &anomalous);
    g_assert_cmpint(anomalous, ==, bad);
    g_assert_cmpint(gst_structure_has_field(score, "heatmap"), ==, has);
    g_assert_cmpint(gst_value_array_get_size(gst_structure_get_value(score, "regions")) > 0, ==, bad && has);
    g_assert_cmpint(changed_pixels(&drawn, changed) > 0, ==, bad && has);
    drawn_clear(&drawn);
  }
}

static void
test_nothing_to_draw(void)
{
  gboolean changed[SIDE * SIDE];
  Drawn good = draw(GST_VIDEO_FORMAT_RGB, TRUE, "threshold=1e9", "bar=false"),
        off = draw(GST_VIDEO_FORMAT_RGB, TRUE, "", "heatmap=false bar=false border=false");
  Drawn invisible = draw(GST_VIDEO_FORMAT_RGB, TRUE, "", "opacity=0 bar=false border=false");
  g_assert_cmpuint(changed_pixels(&good, changed), ==, 0);
  g_assert_cmpuint(changed_pixels(&off, changed), ==, 0);
  g_assert_cmpuint(changed_pixels(&invisible, changed), ==, 0);
  g_assert_nonnull(gst_buffer_get_video_overlay_composition_meta(off.after)); /* not drawn, so still there */
  drawn_clear(&good);
  drawn_clear(&off);
  drawn_clear(&invisible);
}

/* Only the border is drawn, and its corner is red. */
static void
test_border(void)
{
  gboolean changed[SIDE * SIDE];
  Drawn drawn = draw(GST_VIDEO_FORMAT_RGB, TRUE, "", "heatmap=false bar=false");
  guint8 corner[3];
  guint n = changed_pixels(&drawn, changed);
  g_assert_true(changed[0] && changed[SIDE - 1] && changed[SIDE * SIDE - 1]);
  g_assert_false(changed[SIDE * SIDE / 2 + SIDE / 2]);
  g_assert_cmpuint(n, <, SIDE * 4 * 4);
  gst_buffer_extract(drawn.after, 0, corner, 3);
  g_assert_cmpuint(corner[0], >, 200);
  g_assert_cmpuint(corner[1], <, 80);
  drawn_clear(&drawn);
}

/* The first row that the bar of a frame with one region, rows `top` to `bottom` of SIDE, is drawn in. */
static int
bar_row(int top, int bottom)
{
  GstHarness *harness = gst_harness_new_parse("cbiganoverlay border=false");
  g_autoptr(GstBuffer) before = gst_buffer_new_allocate(NULL, 3 * SIDE * SIDE, NULL);
  gboolean changed[SIDE * SIDE];
  GValue regions = G_VALUE_INIT, region = G_VALUE_INIT;
  int row = 0;
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=128,height=128,framerate=25/1");
  gst_buffer_memset(before, 0, 128, 3 * SIDE * SIDE);
  GstBuffer *buffer = gst_buffer_copy_deep(before);
  GstStructure *score = gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, "CbiganScore"));
  gst_value_array_init(&regions, 1);
  g_value_init(&region, GST_TYPE_STRUCTURE);
  g_value_take_boxed(&region,
                     gst_structure_new("region", "x", G_TYPE_DOUBLE, 0.4, "y", G_TYPE_DOUBLE, (double)top / SIDE, "w",
                                       G_TYPE_DOUBLE, 0.2, "h", G_TYPE_DOUBLE, (double)(bottom - top) / SIDE, NULL));
  gst_value_array_append_and_take_value(&regions, &region);
  gst_structure_set(score, "normalized", G_TYPE_DOUBLE, 0.6, "anomalous", G_TYPE_BOOLEAN, TRUE, NULL);
  gst_structure_take_value(score, "regions", &regions);
  Drawn drawn = { harness, gst_buffer_ref(before), gst_harness_push_and_pull(harness, buffer) };
  g_assert_cmpuint(changed_pixels(&drawn, changed), >, 0);
  while (!changed[row * SIDE + SIDE / 4])
    row++;
  drawn_clear(&drawn);
  return row;
}

/* The bar makes room for a region that it would hide, where there is room. */
static void
test_bar_place(void)
{
  g_assert_cmpint(bar_row(30, 60), >, SIDE * 3 / 4);
  g_assert_cmpint(bar_row(30, 120), >, SIDE * 3 / 4);
  g_assert_cmpint(bar_row(100, 128), <, SIDE / 4);
  g_assert_cmpint(bar_row(0, 20), >, SIDE * 3 / 4);
  g_assert_cmpint(bar_row(0, 128), >, SIDE * 3 / 4);
}

/* The bar is longer on the bad frame. */
static void
test_bar(void)
{
  guint length[2];
  for (int bad = 0; bad < 2; bad++) {
    Drawn drawn = draw(GST_VIDEO_FORMAT_RGB, bad, "", "heatmap=false border=false");
    double normalized = number_of(score_of(drawn.after), "normalized");
    GstMapInfo map;
    gst_buffer_map(drawn.after, &map, GST_MAP_READ);
    const guint8 *row = map.data + (SIDE - 3 - 2) * SIDE * 3; /* margin 3, 3 rows thick */
    length[bad] = 0;
    for (int x = 0; x < SIDE; x++)
      length[bad] += bad ? row[3 * x] > 200 && row[3 * x + 1] < 100 : row[3 * x + 1] > 170 && row[3 * x] < 100;
    gst_buffer_unmap(drawn.after, &map);
    g_test_message("normalized %g: a bar of %u pixels", normalized, length[bad]);
    g_assert_cmpint(ABS((int)length[bad] - (int)(normalized * (SIDE - 6))), <=, 3);
    drawn_clear(&drawn);
  }
  g_assert_cmpuint(length[1], >, length[0]);
}

static void
test_formats(void)
{
  static const GstVideoFormat formats[] = { GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12,  GST_VIDEO_FORMAT_YUY2,
                                            GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_GRAY8, GST_VIDEO_FORMAT_Y42B };
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    Drawn drawn = draw(formats[i], TRUE, "", "");
    GstMapInfo map;
    gst_buffer_map(drawn.before, &map, GST_MAP_READ);
    g_assert_cmpint(gst_buffer_memcmp(drawn.after, 0, map.data, map.size), !=, 0);
    gst_buffer_unmap(drawn.before, &map);
    drawn_clear(&drawn);
  }
}

/* Frames that were never scored pass unchanged, also frames that others hold too. */
static void
test_without_score(void)
{
  GstHarness *h = gst_harness_new("cbiganoverlay");
  gst_harness_set_src_caps_str(h, "video/x-raw,format=RGB,width=64,height=64,framerate=25/1");
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, 64 * 64 * 3, NULL);
  gst_buffer_memset(buffer, 0, 7, 64 * 64 * 3);
  g_autoptr(GstBuffer) ours = gst_buffer_ref(buffer), out = gst_harness_push_and_pull(h, buffer);
  GstMapInfo map;
  gst_buffer_map(ours, &map, GST_MAP_READ);
  g_assert_cmpint(gst_buffer_memcmp(out, 0, map.data, map.size), ==, 0);
  gst_buffer_unmap(ours, &map);
  gst_harness_teardown(h);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/overlay/heatmap", test_heatmap);
  g_test_add_func("/overlay/wanted", test_wanted);
  g_test_add_func("/overlay/nothing-to-draw", test_nothing_to_draw);
  g_test_add_func("/overlay/border", test_border);
  g_test_add_func("/overlay/bar", test_bar);
  g_test_add_func("/overlay/bar-place", test_bar_place);
  g_test_add_func("/overlay/formats", test_formats);
  g_test_add_func("/overlay/without-score", test_without_score);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
