/* test_testsrc.c - cbigantestsrc: the same again, true about its defects, any size and rate
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <math.h>

#define SIDE 128

static GstHarness *
new_source(const char *properties, const char *caps)
{
  g_autofree char *line = g_strdup_printf("cbigantestsrc %s", properties);
  GstHarness *h = gst_harness_new_parse(line);
  gst_harness_set_sink_caps_str(h, caps);
  gst_harness_play(h);
  return h;
}

static GPtrArray *
pull_frames(const char *properties, const char *caps, guint n)
{
  GstHarness *h = new_source(properties, caps);
  GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref);
  for (guint i = 0; i < n; i++)
    g_ptr_array_add(frames, gst_harness_pull(h));
  gst_harness_teardown(h);
  return frames;
}

/* Mean absolute difference of the pixels inside (or outside) a box given in fractions. */
static double
difference(GstBuffer *a, GstBuffer *b, const double box[4], gboolean inside)
{
  GstMapInfo ma, mb;
  double sum = 0;
  guint n = 0;
  g_assert_true(gst_buffer_map(a, &ma, GST_MAP_READ) && gst_buffer_map(b, &mb, GST_MAP_READ));
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      double fx = (x + 0.5) / SIDE, fy = (y + 0.5) / SIDE, m = 2.0 / SIDE;
      gboolean within = fx > box[0] - m && fx < box[0] + box[2] + m && fy > box[1] - m && fy < box[1] + box[3] + m;
      if (within != inside)
        continue;
      for (int c = 0; c < 3; c++)
        sum += abs(ma.data[(y * SIDE + x) * 3 + c] - mb.data[(y * SIDE + x) * 3 + c]);
      n += 3;
    }
  gst_buffer_unmap(a, &ma);
  gst_buffer_unmap(b, &mb);
  return n ? sum / n : 0;
}

static const GstStructure *
truth_of(GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "CbiganTruth");
  g_assert_nonnull(meta);
  return gst_custom_meta_get_structure(meta);
}

static gboolean
is_defective(GstBuffer *buffer)
{
  gboolean defective;
  g_assert_true(gst_structure_get_boolean(truth_of(buffer), "defective", &defective));
  return defective;
}

static gboolean
same_pixels(GstBuffer *a, GstBuffer *b)
{
  const double all[4] = { 0, 0, 1, 1 };
  return difference(a, b, all, TRUE) == 0;
}

#define CAPS "video/x-raw,format=RGB,width=128,height=128,framerate=30/1"

static void
test_same_seed(void)
{
  g_autoptr(GPtrArray) a = pull_frames("seed=9 defects=0.5", CAPS, 6), b = pull_frames("seed=9 defects=0.5", CAPS, 6);
  g_autoptr(GPtrArray) c = pull_frames("seed=10 defects=0.5", CAPS, 6);
  for (guint i = 0; i < 6; i++) {
    g_assert_true(same_pixels(a->pdata[i], b->pdata[i]));
    g_assert_false(same_pixels(a->pdata[i], c->pdata[i]));
    g_assert_cmpuint(GST_BUFFER_PTS(GST_BUFFER(a->pdata[i])), ==, gst_util_uint64_scale(i, GST_SECOND, 30));
  }
  g_assert_false(same_pixels(a->pdata[0], a->pdata[1]));
}

/* The strip moves: rows of the next frame are those further down, but for the lamp, which stays. */
static void
test_movement(void)
{
  g_autoptr(GPtrArray) frames = pull_frames("seed=2 speed=10", CAPS, 2);
  GstMapInfo a, b;
  double still = 0, moved = 0;
  gst_buffer_map(frames->pdata[0], &a, GST_MAP_READ);
  gst_buffer_map(frames->pdata[1], &b, GST_MAP_READ);
  for (int y = 0; y < SIDE - 10; y++)
    for (int i = 0; i < SIDE * 3; i++) {
      moved += abs(a.data[(y + 10) * SIDE * 3 + i] - b.data[y * SIDE * 3 + i]);
      still += abs(a.data[y * SIDE * 3 + i] - b.data[y * SIDE * 3 + i]);
    }
  gst_buffer_unmap(frames->pdata[0], &a);
  gst_buffer_unmap(frames->pdata[1], &b);
  g_test_message("difference against the moved frame %g, against the same place %g", moved, still);
  g_assert_cmpfloat(moved, <, 0.2 * still);
}

/* Against the same strip without defects: different inside the true box, the same outside; all good without defects. */
static void
test_truth(gconstpointer kind)
{
  g_autofree char *with = g_strdup_printf("seed=4 speed=128 defects=1 kinds=%s", (const char *)kind);
  g_autoptr(GPtrArray) bad = pull_frames(with, CAPS, 8), good = pull_frames("seed=4 speed=128", CAPS, 8);
  for (guint i = 0; i < 8; i++) {
    const GstStructure *truth = truth_of(bad->pdata[i]);
    double box[4], visible;
    g_assert_true(is_defective(bad->pdata[i]));
    g_assert_false(is_defective(good->pdata[i]));
    g_assert_cmpstr(gst_structure_get_string(truth, "kind"), ==, kind);
    g_assert_cmpstr(gst_structure_get_string(truth_of(good->pdata[i]), "kind"), ==, "none");
    g_assert_true(gst_structure_get(truth, "x", G_TYPE_DOUBLE, &box[0], "y", G_TYPE_DOUBLE, &box[1], "w", G_TYPE_DOUBLE,
                                    &box[2], "h", G_TYPE_DOUBLE, &box[3], "visible", G_TYPE_DOUBLE, &visible, NULL));
    double in = difference(bad->pdata[i], good->pdata[i], box, TRUE);
    double out = difference(bad->pdata[i], good->pdata[i], box, FALSE);
    g_test_message("frame %u, box %.2f %.2f %.2f %.2f: mean difference inside %.2f, outside %.2f", i, box[0], box[1],
                   box[2], box[3], in, out);
    g_assert_cmpfloat(in, >, 4);
    g_assert_cmpfloat(out, <, 0.02);
    g_assert_cmpfloat(fabs(visible - 1), <, 1e-9);
  }
}

static guint
count_defective(const char *properties)
{
  g_autoptr(GPtrArray) frames =
      pull_frames(properties, "video/x-raw,format=RGB,width=32,height=32,framerate=30/1", 400);
  guint n = 0;
  for (guint i = 0; i < frames->len; i++)
    n += is_defective(frames->pdata[i]);
  return n;
}

static void
test_rate(void)
{
  g_assert_cmpuint(count_defective("seed=1 speed=32 defects=0"), ==, 0);
  g_assert_cmpuint(count_defective("seed=1 speed=32 defects=1"), ==, 400);
  guint some = count_defective("seed=1 speed=32 defects=0.25"); /* 100 +- 4 standard deviations */
  g_test_message("defects=0.25: %u of 400", some);
  g_assert_cmpuint(some, >, 65);
  g_assert_cmpuint(some, <, 135);
}

static void
test_sizes(void)
{
  static const int sizes[][2] = { { 1, 1 }, { 3, 2 }, { 64, 64 }, { 101, 67 }, { 640, 480 }, { 2, 700 }, { 1000, 3 } };
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *caps =
        g_strdup_printf("video/x-raw,format=RGB,width=%d,height=%d,framerate=24000/1001", sizes[i][0], sizes[i][1]);
    g_autoptr(GPtrArray) frames = pull_frames("defects=1 speed=1", caps, 3);
    GstVideoInfo info;
    gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, (guint)sizes[i][0], (guint)sizes[i][1]);
    g_assert_cmpuint(gst_buffer_get_size(frames->pdata[2]), ==, info.size);
    g_assert_cmpuint(GST_BUFFER_PTS(GST_BUFFER(frames->pdata[2])), ==,
                     gst_util_uint64_scale(2 * GST_SECOND, 1001, 24000));
  }
}

static void
test_properties_while_playing(void)
{
  GstHarness *h = new_source("seed=3", CAPS);
  g_autoptr(GstElement) source = gst_harness_find_element(h, "cbigantestsrc");
  for (guint i = 0; i < 12; i++) {
    g_autoptr(GstBuffer) frame = gst_harness_pull(h);
    g_object_set(source, "seed", (guint64)i, "pitch", 3.0 + i, "speed", i, "contrast", i / 12.0, "brightness", i / 6.0,
                 "defects", 1.0, NULL);
    g_assert_cmpuint(gst_buffer_get_size(frame), ==, SIDE * SIDE * 3);
  }
  gst_harness_teardown(h);
}

/* The frame at a time is the same however one gets there. */
static void
test_seek(void)
{
  g_autoptr(GPtrArray) frames = pull_frames("seed=6", CAPS, 20);
  g_autoptr(GError) error = NULL;
  g_autoptr(GstElement) pipeline =
      gst_parse_launch("cbigantestsrc seed=6 ! " CAPS " ! fakesink name=sink enable-last-sample=true", &error);
  g_assert_no_error(error);
  gst_element_set_state(pipeline, GST_STATE_PAUSED);
  g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, 10 * GST_SECOND), ==, GST_STATE_CHANGE_SUCCESS);
  g_assert_true(gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                                        gst_util_uint64_scale(15, GST_SECOND, 30) + 1000));
  g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, 10 * GST_SECOND), ==, GST_STATE_CHANGE_SUCCESS);
  g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  g_autoptr(GstSample) sample = NULL;
  g_object_get(sink, "last-sample", &sample, NULL);
  g_assert_true(same_pixels(gst_sample_get_buffer(sample), frames->pdata[15]));
  gst_element_set_state(pipeline, GST_STATE_NULL);
}

/* As videotestsrc: a live source is one frame behind the clock and may be late as much as it likes. */
static void
test_latency(gconstpointer live)
{
  const gboolean is_live = live != NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *line =
      g_strdup_printf("cbigantestsrc name=source is-live=%s num-buffers=2 ! video/x-raw,width=64,height=64,"
                      "framerate=25/1 ! fakesink sync=false",
                      is_live ? "true" : "false");
  g_autoptr(GstElement) pipeline = gst_parse_launch(line, &error);
  g_assert_no_error(error);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_autoptr(GstMessage) end =
      gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  g_assert_nonnull(end);
  g_assert_cmpint(GST_MESSAGE_TYPE(end), ==, GST_MESSAGE_EOS);
  g_autoptr(GstQuery) query = gst_query_new_latency();
  gboolean found;
  GstClockTime min, max;
  g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  g_assert_true(gst_element_query(source, query));
  gst_query_parse_latency(query, &found, &min, &max);
  g_assert_cmpint(found, ==, is_live);
  g_assert_cmpuint(min, ==, 40 * GST_MSECOND);
  g_assert_cmpuint(max, ==, GST_CLOCK_TIME_NONE);
  gst_element_set_state(pipeline, GST_STATE_NULL);
}

int
main(int argc, char **argv)
{
  static const char *const kinds[] = { "missing-yarn", "stain", "hole", "scratch" };
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/testsrc/same-seed", test_same_seed);
  g_test_add_func("/testsrc/movement", test_movement);
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *name = g_strdup_printf("/testsrc/truth/%s", kinds[i]);
    g_test_add_data_func(name, kinds[i], test_truth);
  }
  g_test_add_func("/testsrc/rate", test_rate);
  g_test_add_func("/testsrc/sizes", test_sizes);
  g_test_add_func("/testsrc/properties-while-playing", test_properties_while_playing);
  g_test_add_func("/testsrc/seek", test_seek);
  g_test_add_data_func("/testsrc/latency/live", "live", test_latency);
  g_test_add_data_func("/testsrc/latency/file", NULL, test_latency);
  return g_test_run();
}
