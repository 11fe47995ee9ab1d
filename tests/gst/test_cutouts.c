/* test_cutouts.c - cutout of cbiganscore: pictures larger than the model's frame, in all modes; changes; bad values
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 64 /* of the model's frame */
#define WIDE 160
#define HIGH 96
#define PATIENCE (60 * GST_SECOND)

static Stream
open_stream(const char *more)
{
  return stream_open_video(SIDE, WIDE, HIGH, "qos=false", more);
}

/* Good cloth with a black square. */
static GstBuffer *
frame_with_square(const Stream *stream, guint n, int left, int top, int side)
{
  GstBuffer *buffer = stream_frame(stream, n, FALSE);
  GstMapInfo map;
  g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READWRITE));
  for (int y = top; y < top + side; y++)
    memset(map.data + 3 * (y * WIDE + left), 0, 3 * (gsize)side);
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

static void
check_map_size(const GstStructure *score, int width, int height)
{
  const GValue *value = gst_structure_get_value(score, "heatmap");
  g_assert_nonnull(value);
  const GstStructure *caps = gst_caps_get_structure(gst_sample_get_caps(gst_value_get_sample(value)), 0);
  int w = 0, h = 0;
  g_assert_true(gst_structure_get_int(caps, "width", &w) && gst_structure_get_int(caps, "height", &h));
  g_assert_cmpint(w, ==, width);
  g_assert_cmpint(h, ==, height);
}

/* The first region's place must meet the square. */
static void
check_place(const GstStructure *score, int left, int top, int side)
{
  const GValue *regions = gst_structure_get_value(score, "regions");
  g_assert_cmpuint(gst_value_array_get_size(regions), >=, 1);
  const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, 0));
  const double x = number_of(region, "x") * WIDE, y = number_of(region, "y") * HIGH, w = number_of(region, "w") * WIDE,
               h = number_of(region, "h") * HIGH;
  if (x > left + side || x + w < left || y > top + side || y + h < top)
    g_error("square at %d,%d of %d pixels, region at %g,%g of %g x %g", left, top, side, x, y, w, h);
}

typedef struct {
  const char *name, *properties;
  int map_width, map_height;
} Row;

static const Row rows[] = {
  { "model", "cutout=model", WIDE, HIGH },
  { "same", "cutout=64x64 cutout-overlap=0.5", WIDE, HIGH },
  { "half", "cutout=32x32", 2 * WIDE, 2 * HIGH },
  { "double", "cutout=128x128", WIDE / 2, SIDE }, /* the picture is lower than a cutout */
  { "rectangle", "cutout=128x64", WIDE / 2, HIGH },
};

/* The square is found at its place, and with `roi` only where it counts. */
static void
test_sizes(gconstpointer data)
{
  static const struct {
    int left, top;
  } squares[] = { { 6, 8 }, { 60, 40 }, { 140, 70 } };
  const Row *row = data;
  g_autofree char *properties = g_strdup_printf("mode=sync %s", row->properties);
  Stream stream = open_stream(properties);
  for (guint i = 0; i < G_N_ELEMENTS(squares); i++) {
    const int left = squares[i].left, top = squares[i].top;
    g_object_set(stream.element, "roi", NULL, NULL);
    g_autoptr(GstBuffer) out = stream_push(&stream, frame_with_square(&stream, 3 * i, left, top, 14));
    g_assert_true(flag_of(score_of(out), "anomalous"));
    check_map_size(score_of(out), row->map_width, row->map_height);
    check_place(score_of(out), left, top, 14);
    const double worst = number_of(score_of(out), "score");
    g_autofree char *beside = g_strdup_printf("%dpx,0,40px,1", left < 80 ? WIDE - 40 : 0),
                    *at = g_strdup_printf("%dpx,%dpx,20px,20px", left - 3, top - 3);
    g_object_set(stream.element, "roi", beside, NULL);
    g_autoptr(GstBuffer) other = stream_push(&stream, frame_with_square(&stream, 3 * i + 1, left, top, 14));
    g_assert_cmpfloat(number_of(score_of(other), "score"), <, worst);
    g_object_set(stream.element, "roi", at, NULL);
    g_autoptr(GstBuffer) same = stream_push(&stream, frame_with_square(&stream, 3 * i + 2, left, top, 14));
    g_assert_true(flag_of(score_of(same), "anomalous"));
    check_place(score_of(same), left, top, 14);
  }
  stream_clear(&stream);
}

/* Cutouts begin and end between two frames. */
static void
test_while_playing(void)
{
  Stream stream = open_stream("mode=sync");
  g_autoptr(GstBuffer) whole = stream_push(&stream, frame_with_square(&stream, 0, 101, 50, 4));
  check_map_size(score_of(whole), SIDE, SIDE);
  g_object_set(stream.element, "cutout", "model", NULL);
  g_autoptr(GstBuffer) cut = stream_push(&stream, frame_with_square(&stream, 1, 101, 50, 4));
  check_map_size(score_of(cut), WIDE, HIGH);
  g_assert_cmpfloat(number_of(score_of(cut), "score"), !=, number_of(score_of(whole), "score"));
  g_object_set(stream.element, "cutout", "", NULL);
  g_autoptr(GstBuffer) again = stream_push(&stream, frame_with_square(&stream, 0, 101, 50, 4));
  g_assert_cmpfloat(number_of(score_of(again), "score"), ==, number_of(score_of(whole), "score"));
  stream_clear(&stream);
}

/* A thread of the core scores the same as the streaming thread. */
static void
test_async(void)
{
  Stream sync = open_stream("mode=sync cutout=model"),
         async = open_stream("mode=async cutout=model updates=every-frame");
  g_autoptr(GstBuffer) out = stream_push(&sync, frame_with_square(&sync, 0, 60, 40, 14));
  gst_buffer_unref(stream_push(&async, frame_with_square(&async, 0, 60, 40, 14)));
  g_autoptr(GstMessage) message =
      gst_bus_timed_pop_filtered(async.bus, PATIENCE, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
  g_assert_nonnull(message);
  g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_ELEMENT);
  g_assert_cmpfloat(number_of(gst_message_get_structure(message), "score"), ==, number_of(score_of(out), "score"));
  stream_clear(&sync);
  stream_clear(&async);
}

/* Later a value that can't be used is a warning, and the one before stays. */
static void
test_bad_values(void)
{
  static const char *const values[] = { "0x0", "64", "64x", "64x64x", "-1x5", "models" };
  Stream stream = open_stream("mode=sync cutout=model");
  g_autoptr(GstBuffer) first = stream_push(&stream, frame_with_square(&stream, 0, 60, 40, 14));
  for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
    g_autofree char *value = NULL;
    g_object_set(stream.element, "cutout", values[i], NULL);
    g_autoptr(GstBuffer) out = stream_push(&stream, frame_with_square(&stream, 0, 60, 40, 14));
    g_autoptr(GstMessage) warning = stream_message(&stream, GST_MESSAGE_WARNING);
    g_autoptr(GError) error = NULL;
    g_assert_nonnull(warning);
    gst_message_parse_warning(warning, &error, NULL);
    g_assert_nonnull(strstr(error->message, values[i]));
    g_assert_cmpfloat(number_of(score_of(out), "score"), ==, number_of(score_of(first), "score"));
    g_object_get(stream.element, "cutout", &value, NULL);
    g_assert_cmpstr(value, ==, "model");
  }
  stream_clear(&stream);
}

/* At first it is an error, as with a model that takes frames of any size, or where a picture would grow too large. */
static void
test_first_value(void)
{
  g_autofree char *native = test_model_write(0, 1), *fixed = test_model_write(SIDE, 1);
  const struct {
    const char *model, *cutout, *part;
  } cases[] = { { native, "model", "any size" }, { fixed, "huge", "huge" }, { fixed, "1x1", "640x480" } };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *properties = g_strdup_printf("model=%s mode=sync cutout=%s", cases[i].model, cases[i].cutout);
    g_autoptr(GError) error = NULL;
    Stream stream = stream_new(properties);
    stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 640, 480);
    g_assert_cmpint(gst_harness_push(stream.harness, stream_frame(&stream, 0, FALSE)), ==, GST_FLOW_ERROR);
    g_autoptr(GstMessage) message = stream_message(&stream, GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    gst_message_parse_error(message, &error, NULL);
    g_assert_nonnull(strstr(error->message, cases[i].part));
    stream_clear(&stream);
  }
}

/* Good frames in cutouts give a threshold for cutouts. */
static void
test_recalibrate(void)
{
  Stream stream = open_stream("mode=sync cutout=model");
  gboolean begun = FALSE;
  g_signal_emit_by_name(stream.element, "recalibrate", 6, NULL, &begun);
  g_assert_true(begun);
  for (guint i = 0; i < 6; i++)
    gst_buffer_unref(stream_push(&stream, stream_frame(&stream, i, FALSE)));
  for (;;) {
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(stream.bus, PATIENCE, GST_MESSAGE_ELEMENT);
    g_assert_nonnull(message);
    const GstStructure *s = gst_message_get_structure(message);
    if (g_strcmp0(gst_structure_get_string(s, "event"), "recalibrated"))
      continue;
    g_assert_true(flag_of(s, "done"));
    g_assert_cmpfloat(number_of(s, "threshold"), >, number_of(s, "previous-threshold"));
    break;
  }
  for (guint i = 6; i < 26; i++) {
    g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, i, FALSE));
    g_assert_false(flag_of(score_of(out), "anomalous"));
  }
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/cutouts/sizes/%s", rows[i].name);
    g_test_add_data_func(path, &rows[i], test_sizes);
  }
  g_test_add_func("/cutouts/while-playing", test_while_playing);
  g_test_add_func("/cutouts/async", test_async);
  g_test_add_func("/cutouts/bad-values", test_bad_values);
  g_test_add_func("/cutouts/first-value", test_first_value);
  g_test_add_func("/cutouts/recalibrate", test_recalibrate);
  const int result = g_test_run();
  test_model_cleanup();
  return result;
}
