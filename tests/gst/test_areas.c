/* test_areas.c - roi and mask of cbiganscore: what they leave out, changes while PLAYING, bad values
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <cairo.h>
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 128

static Stream
open_stream(const char *more)
{
  return stream_open(SIDE, "mode=sync qos=false", more);
}

static cairo_status_t
append(void *closure, const unsigned char *data, unsigned int n)
{
  g_byte_array_append(closure, data, n);
  return CAIRO_STATUS_SUCCESS;
}

/* A PNG that is white in its left part and black or, with `alpha`, transparent in the rest; its path (transfer full).
 */
static char *
write_mask(const char *name, int w, int h, double white, gboolean alpha)
{
  cairo_surface_t *surface = cairo_image_surface_create(alpha ? CAIRO_FORMAT_ARGB32 : CAIRO_FORMAT_RGB24, w, h);
  cairo_t *cr = cairo_create(surface);
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_rectangle(cr, 0, 0, white * w, h);
  cairo_fill(cr);
  g_assert_cmpint(cairo_surface_write_to_png_stream(surface, append, bytes), ==, CAIRO_STATUS_SUCCESS);
  cairo_destroy(cr);
  cairo_surface_destroy(surface);
  return test_file_write(name, bytes->data, bytes->len);
}

/* Noise in the right half of an RGB frame. */
static GstBuffer *
spoiled(const Stream *stream, guint seed)
{
  GstBuffer *buffer = stream_frame(stream, 0, FALSE);
  GstMapInfo map;
  g_autoptr(GRand) random = g_rand_new_with_seed(seed);
  g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READWRITE));
  for (gsize i = 0; i < map.size; i++)
    if (i % (3 * SIDE) >= 3 * SIDE / 2)
      map.data[i] = (guint8)g_rand_int_range(random, 0, 256);
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

static double
score_frame(Stream *stream, GstBuffer *buffer)
{
  g_autoptr(GstBuffer) out = stream_push(stream, buffer);
  return number_of(score_of(out), "score");
}

static const GstStructure *
area_of(const GstStructure *score, guint i)
{
  const GValue *areas = gst_structure_get_value(score, "areas");
  g_assert_nonnull(areas);
  g_assert_cmpuint(gst_value_array_get_size(areas), >, i);
  return gst_value_get_structure(gst_value_array_get_value(areas, i));
}

/* The hole of test_cloth() lies where one of both areas is, and that area decides. */
static void
test_roi(void)
{
  Stream stream = open_stream("roi=\"left=0,0,0.5,1;right=64px,0px,64px,128px\"");
  g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, 0, TRUE));
  const GstStructure *score = score_of(out), *left = area_of(score, 0), *right = area_of(score, 1);
  g_assert_cmpstr(gst_structure_get_string(left, "name"), ==, "left");
  g_assert_cmpstr(gst_structure_get_string(right, "name"), ==, "right");
  g_assert_cmpfloat(number_of(score, "score"), ==, MAX(number_of(left, "score"), number_of(right, "score")));
  g_assert_true(flag_of(score, "anomalous") == (flag_of(left, "anomalous") || flag_of(right, "anomalous")));
  stream_clear(&stream);
}

/* An area's threshold is its own; the worst area's is the frame's. */
static void
test_thresholds(void)
{
  Stream stream = open_stream("roi=\"a=0,0,0.5,1@1e6;b=0.5,0,0.5,1@1e-6\"");
  g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, 0, FALSE));
  const GstStructure *score = score_of(out);
  g_assert_true(flag_of(score, "anomalous") && flag_of(area_of(score, 1), "anomalous"));
  g_assert_false(flag_of(area_of(score, 0), "anomalous"));
  g_assert_cmpfloat_with_epsilon(number_of(score, "threshold"), 1e-6, 1e-12);
  const GValue *regions = gst_structure_get_value(score, "regions");
  for (guint i = 0; i < gst_value_array_get_size(regions); i++)
    g_assert_cmpfloat(number_of(gst_value_get_structure(gst_value_array_get_value(regions, i)), "x"), >=, 0.5);
  stream_clear(&stream);
}

static void
test_mask(void)
{
  static const struct {
    const char *name;
    int w, h;
    gboolean alpha;
  } rows[] = { { "same.png", SIDE, SIDE, FALSE },
               { "clear.png", SIDE, SIDE, TRUE },
               { "large.png", 1000, 300, FALSE } };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = write_mask(rows[i].name, rows[i].w, rows[i].h, 0.5, rows[i].alpha),
                    *property = g_strdup_printf("mask=%s", path);
    Stream stream = open_stream(property);
    const double first = score_frame(&stream, stream_frame(&stream, 0, FALSE));
    for (guint seed = 0; seed < 3; seed++)
      g_assert_cmpfloat(score_frame(&stream, spoiled(&stream, seed)), ==, first);
    g_object_set(stream.element, "mask", NULL, NULL);
    g_assert_cmpfloat(score_frame(&stream, spoiled(&stream, 0)), >, first);
    stream_clear(&stream);
  }
}

/* Values change between two frames; those that can't be used are a warning, and the old ones stay. */
static void
test_while_playing(void)
{
  g_autofree char *mask = write_mask("half.png", SIDE, SIDE, 0.5, FALSE), *roi = NULL, *path = NULL;
  Stream stream = open_stream("");
  const double whole = score_frame(&stream, spoiled(&stream, 1));
  g_object_set(stream.element, "roi", "0,0,0.25,1", NULL);
  const double area = score_frame(&stream, spoiled(&stream, 1));
  g_assert_cmpfloat(area, <, whole);
  static const char *const bad[][4] = { { "roi", "0,0,2,1", "x = 2", "0 to 1" },
                                        { "roi", "0px,0px,129px,9px", "x = 129px", "0px to 128px" },
                                        { "roi", "hello", "hello", "rectangle" },
                                        { "mask", "/nowhere/mask.png", "/nowhere/mask.png", "No such file" } };
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_object_set(stream.element, bad[i][0], bad[i][1], NULL);
    g_assert_cmpfloat(score_frame(&stream, spoiled(&stream, 1)), ==, area);
    g_autoptr(GstMessage) warning = stream_message(&stream, GST_MESSAGE_WARNING);
    g_autoptr(GError) error = NULL;
    g_assert_nonnull(warning);
    gst_message_parse_warning(warning, &error, NULL);
    g_assert_nonnull(strstr(error->message, bad[i][2]));
    g_assert_nonnull(strstr(error->message, bad[i][3]));
    g_clear_pointer(&roi, g_free);
    g_object_get(stream.element, "roi", &roi, NULL);
    g_assert_cmpstr(roi, ==, "0,0,0.25,1");
  }
  g_object_set(stream.element, "roi", "", "mask", mask, NULL);
  g_object_get(stream.element, "mask", &path, NULL);
  g_assert_cmpstr(path, ==, mask);
  const double masked = score_frame(&stream, spoiled(&stream, 1));
  g_assert_cmpfloat(score_frame(&stream, spoiled(&stream, 2)), ==, masked);
  /* a new model, and video of another size, keep them */
  g_autofree char *other = test_model_write(SIDE, 2);
  g_object_set(stream.element, "model", other, NULL);
  const double of_other = score_frame(&stream, spoiled(&stream, 1));
  g_assert_cmpfloat(of_other, !=, masked);
  g_assert_cmpfloat(score_frame(&stream, spoiled(&stream, 2)), ==, of_other);
  g_object_set(stream.element, "mask", "", NULL);
  g_assert_cmpfloat(score_frame(&stream, spoiled(&stream, 2)), !=, of_other);
  stream_clear(&stream);
}

/* Video that is too small for an area in pixels is a warning, and the whole picture counts; larger video has it again.
 */
static void
test_new_size(void)
{
  Stream stream = open_stream("roi=\"0px,0px,100px,100px\"");
  for (int i = 0; i < 3; i++) {
    stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, i == 1 ? 64 : SIDE, i == 1 ? 64 : SIDE);
    g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, 0, FALSE));
    g_autoptr(GstMessage) warning = stream_message(&stream, GST_MESSAGE_WARNING);
    g_assert_true((warning != NULL) == (i == 1));
    g_assert_true(gst_structure_has_field(score_of(out), "areas") == (i != 1));
  }
  stream_clear(&stream);
}

/* At the first frame a value that can't be used is an error. */
static void
test_bad_at_first(void)
{
  static const char *const rows[][2] = { { "roi=0.5,0,0.6,1", "0 to 1" }, { "roi=0,0,0.0001,0.0001", "no pixel" } };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    Stream stream = open_stream(rows[i][0]);
    g_assert_cmpint(gst_harness_push(stream.harness, stream_frame(&stream, 0, FALSE)), ==, GST_FLOW_ERROR);
    g_autoptr(GstMessage) message = stream_message(&stream, GST_MESSAGE_ERROR);
    g_autoptr(GError) error = NULL;
    g_assert_nonnull(message);
    gst_message_parse_error(message, &error, NULL);
    g_assert_nonnull(strstr(error->message, rows[i][1]));
    stream_clear(&stream);
  }
}

/* A mask that can't be read keeps the element from starting. */
static void
test_bad_mask_at_start(void)
{
  static const char text[] = "no picture";
  g_autofree char *model = test_model_write(SIDE, 1), *broken = test_file_write("broken.png", text, sizeof text),
                  *black = write_mask("black.png", SIDE, SIDE, 0, FALSE);
  g_autoptr(GstElement) element = gst_object_ref_sink(gst_element_factory_make("cbiganscore", NULL));
  g_autoptr(GstBus) bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  g_object_set(element, "model", model, "mask", broken, NULL);
  g_assert_cmpint(gst_element_set_state(element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_FAILURE);
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  g_autoptr(GError) error = NULL;
  gst_message_parse_error(message, &error, NULL);
  g_assert_nonnull(strstr(error->message, "broken.png"));
  gst_element_set_state(element, GST_STATE_NULL);
  g_object_set(element, "mask", NULL, NULL);
  g_assert_cmpint(gst_element_set_state(element, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_bus_set_flushing(bus, TRUE); /* its messages refer to the element, which refers to the bus */
  g_autofree char *property = g_strdup_printf("mask=%s", black);
  Stream stream = open_stream(property);
  g_assert_cmpint(gst_harness_push(stream.harness, stream_frame(&stream, 0, FALSE)), ==, GST_FLOW_ERROR);
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/areas/roi", test_roi);
  g_test_add_func("/areas/thresholds", test_thresholds);
  g_test_add_func("/areas/mask", test_mask);
  g_test_add_func("/areas/while-playing", test_while_playing);
  g_test_add_func("/areas/new-size", test_new_size);
  g_test_add_func("/areas/bad-at-first", test_bad_at_first);
  g_test_add_func("/areas/bad-mask-at-start", test_bad_mask_at_start);
  int failed = g_test_run();
  test_model_cleanup();
  return failed;
}
