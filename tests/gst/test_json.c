/* test_json.c - cbiganjson gives one line per scored frame, and the line says what the meta says
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <json-glib/json-glib.h>
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 64

/* The object of a line (transfer full). Ends the test unless the buffer is exactly one line. */
static JsonNode *
parse_line(GstBuffer *buffer)
{
  g_autoptr(GError) error = NULL;
  GstMapInfo map;
  g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
  g_autofree char *text = g_strndup((const char *)map.data, map.size);
  gst_buffer_unmap(buffer, &map);
  g_assert_cmpint(text[strlen(text) - 1], ==, '\n');
  g_assert_true(strchr(text, '\n') == text + strlen(text) - 1);
  JsonNode *node = json_from_string(text, &error);
  g_assert_no_error(error);
  return node;
}

static GstHarness *
new_harness(const char *properties)
{
  g_autofree char *model = test_model_write(SIDE, 1);
  g_autofree char *line = g_strdup_printf("cbiganscore threads=1 hold=0 model=%s ! cbiganjson %s", model, properties);
  GstHarness *harness = gst_harness_new_parse(line);
  gst_harness_set_live(harness, FALSE);
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=64,height=64,framerate=25/1");
  return harness;
}

static GstBuffer *
new_frame(guint n, gboolean hole)
{
  Stream shape = { 0 };
  gst_video_info_set_format(&shape.info, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  shape.info.fps_n = 25;
  return stream_frame(&shape, n, hole);
}

static void
test_fields(void)
{
  GstHarness *harness = new_harness("");
  for (guint n = 0; n < 2; n++) {
    g_autoptr(GstBuffer) line = gst_harness_push_and_pull(harness, new_frame(n, n == 1));
    g_autoptr(JsonNode) node = parse_line(line);
    JsonObject *object = json_node_get_object(node);
    double score = json_object_get_double_member(object, "score");
    double threshold = json_object_get_double_member(object, "threshold");
    g_assert_cmpint(json_object_get_int_member(object, "version"), ==, 1);
    g_assert_cmpint(json_object_get_int_member(object, "pts"), ==, (gint64)n * 40 * GST_MSECOND);
    g_assert_cmpint(json_object_get_int_member(object, "running_time"), ==, (gint64)n * 40 * GST_MSECOND);
    g_assert_cmpint(json_object_get_int_member(object, "scored_pts"), ==, (gint64)n * 40 * GST_MSECOND);
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(object, "normalized"), score / (score + threshold),
                                   1e-9);
    g_assert_cmpint(json_object_get_boolean_member(object, "anomalous"), ==, n == 1);
    g_assert_cmpint(json_object_get_int_member(object, "event_id"), ==, n);
    g_assert_cmpint(json_array_get_length(json_object_get_array_member(object, "regions")) > 0, ==, n == 1);
    g_assert_true(g_str_has_suffix(json_object_get_string_member(object, "model"), ".safetensors"));
    g_assert_cmpint(json_array_get_length(json_object_get_array_member(object, "previous")), ==, 0);
    g_assert_cmpint(json_array_get_length(json_object_get_array_member(object, "health")), ==, 0);
  }
  gst_harness_teardown(harness);
}

/* The faults of black frames are an array of names. */
static void
test_health(void)
{
  g_autofree char *model = test_model_write(SIDE, 1);
  g_autofree char *line = g_strdup_printf("cbiganscore threads=1 health-time=0 model=%s ! cbiganjson", model);
  GstHarness *harness = gst_harness_new_parse(line);
  gst_harness_set_live(harness, FALSE);
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=64,height=64,framerate=25/1");
  GstBuffer *black = new_frame(0, FALSE);
  gst_buffer_memset(black, 0, 0, gst_buffer_get_size(black));
  g_autoptr(GstBuffer) text = gst_harness_push_and_pull(harness, black);
  g_autoptr(JsonNode) node = parse_line(text);
  JsonArray *health = json_object_get_array_member(json_node_get_object(node), "health");
  g_assert_cmpint(json_array_get_length(health), ==, 2);
  g_assert_cmpstr(json_array_get_string_element(health, 0), ==, "black");
  g_assert_cmpstr(json_array_get_string_element(health, 1), ==, "flat");
  gst_harness_teardown(harness);
}

/* A threshold that no frame has (NaN) is null, since JSON has no NaN. */
static void
test_null(void)
{
  g_autofree char *model = test_model_write_bare(SIDE, 1);
  g_autofree char *text = g_strdup_printf("cbiganscore threads=1 hold=0 model=%s ! cbiganjson", model);
  GstHarness *harness = gst_harness_new_parse(text);
  gst_harness_set_live(harness, FALSE);
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=64,height=64,framerate=25/1");
  g_autoptr(GstBuffer) line = gst_harness_push_and_pull(harness, new_frame(0, FALSE));
  g_autoptr(JsonNode) node = parse_line(line);
  g_assert_true(json_object_get_null_member(json_node_get_object(node), "threshold"));
  g_assert_true(json_object_get_null_member(json_node_get_object(node), "normalized"));
  gst_harness_teardown(harness);
}

static void
test_anomalous_only(void)
{
  GstHarness *harness = new_harness("anomalous-only=true");
  for (guint n = 0; n < 4; n++)
    g_assert_cmpint(gst_harness_push(harness, new_frame(n, n == 2)), ==, GST_FLOW_OK);
  g_assert_cmpuint(gst_harness_buffers_received(harness), ==, 1);
  g_autoptr(GstBuffer) line = gst_harness_pull(harness);
  g_assert_cmpuint(GST_BUFFER_PTS(line), ==, 80 * GST_MSECOND);
  gst_harness_teardown(harness);
}

/* An anomaly of two frames: a line with its number, and one with 0. */
static void
test_changes_only(void)
{
  static const guint pts[] = { 2, 4 }, ids[] = { 1, 0 };
  GstHarness *harness = new_harness("changes-only=true");
  for (guint n = 0; n < 6; n++)
    g_assert_cmpint(gst_harness_push(harness, new_frame(n, n == 2 || n == 3)), ==, GST_FLOW_OK);
  g_assert_cmpuint(gst_harness_buffers_received(harness), ==, 2);
  for (guint i = 0; i < 2; i++) {
    g_autoptr(GstBuffer) line = gst_harness_pull(harness);
    g_autoptr(JsonNode) node = parse_line(line);
    g_assert_cmpuint(GST_BUFFER_PTS(line), ==, pts[i] * 40 * GST_MSECOND);
    g_assert_cmpint(json_object_get_int_member(json_node_get_object(node), "event_id"), ==, ids[i]);
  }
  gst_harness_teardown(harness);
}

/* Where frames pass before they are scored, every result is on later frames: the first of them gives the line. */
static void
test_late_results(void)
{
  static const guint scored[] = { 0, 0, 1, 1, 4, 4 }; /* frame of the result on frame n; only frame 4 has its own */
  g_autofree char *model = test_model_write(SIDE, 1);
  g_autofree char *line = g_strdup_printf("cbiganscore threads=1 model=%s", model);
  GstHarness *scorer = gst_harness_new_parse(line), *harness = gst_harness_new("cbiganjson");
  gst_harness_set_live(scorer, FALSE);
  gst_harness_set_src_caps_str(scorer, "video/x-raw,format=RGB,width=64,height=64,framerate=25/1");
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=64,height=64,framerate=25/1");
  g_autoptr(GString) lines = g_string_new(NULL);
  for (guint n = 0; n < G_N_ELEMENTS(scored); n++) {
    GstBuffer *frame = gst_harness_push_and_pull(scorer, new_frame(n, FALSE));
    GstCustomMeta *meta = gst_buffer_get_custom_meta(frame, "CbiganScore");
    gst_structure_set(gst_custom_meta_get_structure(meta), "scored-pts", G_TYPE_UINT64,
                      (guint64)scored[n] * 40 * GST_MSECOND, "stale", G_TYPE_BOOLEAN, scored[n] != n, NULL);
    if (n == 0) /* even the first result is not that of the first frame */
      gst_structure_set(gst_custom_meta_get_structure(meta), "stale", G_TYPE_BOOLEAN, TRUE, NULL);
    g_assert_cmpint(gst_harness_push(harness, frame), ==, GST_FLOW_OK);
    GstBuffer *text = gst_harness_try_pull(harness);
    g_string_append_c(lines, text ? 'x' : '-');
    if (text)
      gst_buffer_unref(text);
  }
  g_assert_cmpstr(lines->str, ==, "x-x-x-");
  gst_harness_teardown(scorer);
  gst_harness_teardown(harness);
}

static void
test_without_score(void)
{
  GstHarness *harness = gst_harness_new("cbiganjson");
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=64,height=64,framerate=25/1");
  g_assert_cmpint(gst_harness_push(harness, new_frame(0, FALSE)), ==, GST_FLOW_OK);
  g_assert_cmpuint(gst_harness_buffers_received(harness), ==, 0);
  gst_harness_teardown(harness);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/json/fields", test_fields);
  g_test_add_func("/json/health", test_health);
  g_test_add_func("/json/null", test_null);
  g_test_add_func("/json/anomalous-only", test_anomalous_only);
  g_test_add_func("/json/changes-only", test_changes_only);
  g_test_add_func("/json/late-results", test_late_results);
  g_test_add_func("/json/without-score", test_without_score);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
