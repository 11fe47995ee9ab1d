/* test_snapshot.c - the action signal snapshot: a PNG of the frame and of the same with its map, or why there is none
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
open_stream(GstVideoFormat format, const char *more)
{
  g_autofree char *model = test_model_write(SIDE, 1),
                  *properties = g_strdup_printf("model=%s updates=none %s", model, more);
  Stream stream = stream_new(properties);
  stream_set_caps(&stream, format, SIDE, SIDE);
  return stream;
}

static gboolean
ask(Stream *stream, const char *path)
{
  gboolean taken = FALSE;
  g_signal_emit_by_name(stream->element, "snapshot", path, &taken);
  return taken;
}

/* Waits for the answer; its field `error` (transfer full). */
static char *
answer(Stream *stream, const char *path, gboolean written)
{
  g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(stream->bus, 10 * GST_SECOND, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(message);
  const GstStructure *s = gst_message_get_structure(message);
  g_assert_cmpstr(gst_structure_get_string(s, "event"), ==, "snapshot");
  g_assert_cmpstr(gst_structure_get_string(s, "location"), ==, path);
  g_assert_true(flag_of(s, "written") == written);
  return g_strdup(gst_structure_get_string(s, "error"));
}

static guint32
pixel(cairo_surface_t *surface, int x, int y)
{
  guint32 rgb;
  memcpy(&rgb, cairo_image_surface_get_data(surface) + y * cairo_image_surface_get_stride(surface) + 4 * x, 4);
  return rgb & 0xffffff;
}

/* Left the frame's pixels, right the same except where the map is hot. */
static void
test_picture(gconstpointer mode)
{
  g_autofree char *path = test_file_write("snapshot.png", "", 0), *property = g_strdup_printf("mode=%s", (char *)mode);
  Stream stream = open_stream(GST_VIDEO_FORMAT_RGB, property);
  g_autofree guint8 *rgb = test_cloth(SIDE, SIDE, 0, TRUE);
  g_assert_true(ask(&stream, path));
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, TRUE)));
  g_autofree char *problem = answer(&stream, path, TRUE);
  g_assert_null(problem);
  cairo_surface_t *png = cairo_image_surface_create_from_png(path);
  g_assert_cmpint(cairo_image_surface_get_width(png), ==, 2 * SIDE);
  g_assert_cmpint(cairo_image_surface_get_height(png), ==, SIDE);
  guint hot = 0;
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      const guint8 *from = rgb + 3 * (y * SIDE + x);
      g_assert_cmphex(pixel(png, x, y), ==, (guint32)from[0] << 16 | (guint32)from[1] << 8 | from[2]);
      hot += pixel(png, x, y) != pixel(png, SIDE + x, y);
    }
  g_assert_cmpuint(hot, >, 20);
  g_assert_cmpuint(hot, <, SIDE * SIDE / 2);
  cairo_surface_destroy(png);
  stream_clear(&stream);
}

/* One request is one file; YUV works; without a map there is the frame alone. */
static void
test_requests(void)
{
  g_autofree char *one = test_file_write("one.png", "", 0), *two = test_file_write("two.png", "", 0);
  Stream stream = open_stream(GST_VIDEO_FORMAT_NV12, "mode=sync heatmaps=none");
  g_assert_true(ask(&stream, one) && ask(&stream, two));
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, TRUE)));
  for (int i = 0; i < 2; i++) {
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(stream.bus, 10 * GST_SECOND, GST_MESSAGE_ELEMENT);
    g_assert_nonnull(message);
    g_assert_true(flag_of(gst_message_get_structure(message), "written"));
  }
  cairo_surface_t *png = cairo_image_surface_create_from_png(two);
  g_assert_cmpint(cairo_image_surface_get_width(png), ==, SIDE);
  cairo_surface_destroy(png);
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 1, TRUE)));
  g_assert_null(stream_message(&stream, GST_MESSAGE_ELEMENT));
  stream_clear(&stream);
}

/* A file that can't be written is named, and the stream goes on; so is the end of a stream without a frame. */
static void
test_failures(void)
{
  Stream stream = open_stream(GST_VIDEO_FORMAT_RGB, "mode=sync");
  g_assert_false(ask(&stream, "") || ask(&stream, NULL));
  g_assert_true(ask(&stream, "/nowhere/snapshot.png"));
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, FALSE)));
  g_autofree char *problem = answer(&stream, "/nowhere/snapshot.png", FALSE);
  g_assert_nonnull(strstr(problem, "/nowhere/snapshot.png"));
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 1, FALSE)));
  g_assert_true(ask(&stream, "/nowhere/late.png"));
  gst_harness_push_event(stream.harness, gst_event_new_eos());
  g_autofree char *late = answer(&stream, "/nowhere/late.png", FALSE);
  g_assert_cmpstr(late, ==, "eos");
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/snapshot/sync", "sync", test_picture);
  g_test_add_data_func("/snapshot/async", "async", test_picture);
  g_test_add_func("/snapshot/requests", test_requests);
  g_test_add_func("/snapshot/failures", test_failures);
  int failed = g_test_run();
  test_model_cleanup();
  return failed;
}
