/* test_gate.c - cbigangate passes what lies around anomalies, from a key frame on, within its memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/check/gstharness.h>

#define FRAME_TIME (100 * GST_MSECOND)
#define FRAME_SIZE 1000

/* Frames first .. last - 1 are anomalous. */
typedef struct {
  guint first, last;
} Anomaly;

typedef struct {
  GstHarness *harness;
  GstBus *bus;
} Gate;

static Gate
gate_new(const char *properties)
{
  g_autofree char *line = g_strdup_printf("cbigangate %s", properties);
  Gate gate = { gst_harness_new_parse(line), gst_bus_new() };
  GstElement *element = gst_harness_find_element(gate.harness, "cbigangate");
  gst_element_set_bus(element, gate.bus);
  gst_object_unref(element);
  gst_harness_set_src_caps_str(gate.harness, "video/x-test");
  return gate;
}

static void
gate_clear(Gate *gate)
{
  gst_harness_teardown(gate->harness);
  gst_object_unref(gate->bus);
}

/* key_distance: every so many frames is a key frame, the first one among them */
static void
push_frames(const Gate *gate, guint first, guint end, guint key_distance, const Anomaly *anomalies, guint n_anomalies)
{
  for (guint n = first; n < end; n++) {
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, FRAME_SIZE, NULL);
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = n * FRAME_TIME;
    GST_BUFFER_DURATION(buffer) = FRAME_TIME;
    if (n % key_distance)
      GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    guint event_id = 0;
    for (guint i = 0; i < n_anomalies; i++)
      if (n >= anomalies[i].first && n < anomalies[i].last)
        event_id = i + 1;
    GstStructure *score = gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, "CbiganScore"));
    gst_structure_set(score, "anomalous", G_TYPE_BOOLEAN, event_id > 0, "event-id", G_TYPE_UINT, event_id, NULL);
    g_assert_cmpint(gst_harness_push(gate->harness, buffer), ==, GST_FLOW_OK);
  }
}

/* Ends the test unless the frames that came out are `expected` (frame numbers by timestamp), G_MAXUINT-terminated. */
static void
expect_frames(const Gate *gate, const char *what, const guint *expected)
{
  for (; *expected != G_MAXUINT; expected++) {
    g_autoptr(GstBuffer) buffer = gst_harness_try_pull(gate->harness);
    if (!buffer)
      g_error("%s: no frame %u came out", what, *expected);
    g_assert_cmpuint(GST_BUFFER_PTS(buffer) / FRAME_TIME, ==, *expected);
  }
  g_assert_null(gst_harness_try_pull(gate->harness));
}

/* Ends the test unless the bus has exactly the states open, closed, open, ... of so many clips. */
static void
expect_clips(const Gate *gate, guint n_clips)
{
  for (guint i = 0; i < 2 * n_clips; i++) {
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(gate->bus, GST_MESSAGE_ELEMENT);
    guint clip = 0;
    g_assert_nonnull(message);
    const GstStructure *s = gst_message_get_structure(message);
    g_assert_cmpstr(gst_structure_get_name(s), ==, "cbigan-gate");
    g_assert_cmpstr(gst_structure_get_string(s, "state"), ==, i % 2 ? "closed" : "open");
    gst_structure_get_uint(s, "clip", &clip);
    g_assert_cmpuint(clip, ==, i / 2 + 1);
  }
  g_assert_null(gst_bus_pop_filtered(gate->bus, GST_MESSAGE_ELEMENT));
}

static void
test_rolls(void)
{
  Gate gate = gate_new("pre-roll=300000000 post-roll=200000000");
  push_frames(&gate, 0, 40, 1, (Anomaly[]){ { 10, 12 }, { 30, 31 } }, 2);
  expect_frames(&gate, "rolls", (guint[]){ 7, 8, 9, 10, 11, 12, 13, 27, 28, 29, 30, 31, 32, G_MAXUINT });
  gst_harness_push_event(gate.harness, gst_event_new_eos());
  expect_clips(&gate, 2);
  gate_clear(&gate);
}

/* Behind an encoder a clip begins with a key frame, at or before the pre-roll. */
static void
test_key_frames(void)
{
  Gate gate = gate_new("pre-roll=300000000 post-roll=0");
  push_frames(&gate, 0, 40, 5, (Anomaly[]){ { 14, 15 } }, 1);
  expect_frames(&gate, "key frames", (guint[]){ 10, 11, 12, 13, 14, G_MAXUINT });
  gate_clear(&gate);
}

/* What waits behind the clip continues it, key frame or not. */
static void
test_touching(void)
{
  Gate gate = gate_new("pre-roll=300000000 post-roll=100000000");
  push_frames(&gate, 0, 40, 5, (Anomaly[]){ { 11, 12 }, { 15, 16 } }, 2);
  expect_frames(&gate, "touching", (guint[]){ 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, G_MAXUINT });
  gst_harness_push_event(gate.harness, gst_event_new_eos());
  expect_clips(&gate, 1);
  gate_clear(&gate);
}

static void
test_max_length(void)
{
  Gate gate = gate_new("pre-roll=0 post-roll=0 max-length=300000000");
  push_frames(&gate, 0, 20, 1, (Anomaly[]){ { 4, 14 } }, 1);
  expect_frames(&gate, "max-length", (guint[]){ 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, G_MAXUINT });
  gst_harness_push_event(gate.harness, gst_event_new_eos());
  expect_clips(&gate, 3);
  gate_clear(&gate);
}

/* A pre-roll of an hour holds no more than max-size, from a key frame on. */
static void
test_max_size(void)
{
  Gate gate = gate_new("pre-roll=3600000000000 post-roll=0 max-size=7500");
  push_frames(&gate, 0, 1003, 5, (Anomaly[]){ { 1002, 1003 } }, 1);
  expect_frames(&gate, "max-size", (guint[]){ 1000, 1001, 1002, G_MAXUINT });
  gate_clear(&gate);
}

static void
test_continuous(void)
{
  Gate gate = gate_new("pre-roll=100000000 post-roll=0 continuous=true");
  push_frames(&gate, 0, 40, 1, (Anomaly[]){ { 10, 12 }, { 30, 31 } }, 2);
  expect_frames(&gate, "continuous", (guint[]){ 0, 1, 2, 3, 4, G_MAXUINT });
  gate_clear(&gate);
}

/* An anomaly that is open at the end of the stream is closed there, and after a flush the gate begins anew. */
static void
test_ends(void)
{
  Gate gate = gate_new("pre-roll=0 post-roll=1000000000");
  push_frames(&gate, 0, 6, 1, (Anomaly[]){ { 4, 6 } }, 1);
  gst_harness_push_event(gate.harness, gst_event_new_eos());
  expect_clips(&gate, 1);
  gate_clear(&gate);

  gate = gate_new("pre-roll=0 post-roll=1000000000");
  push_frames(&gate, 0, 6, 1, (Anomaly[]){ { 4, 6 } }, 1);
  gst_harness_push_event(gate.harness, gst_event_new_flush_start());
  gst_harness_push_event(gate.harness, gst_event_new_flush_stop(TRUE));
  expect_clips(&gate, 1);
  gate_clear(&gate);
}

/* Without a score nothing passes. */
static void
test_without_score(void)
{
  Gate gate = gate_new("");
  g_assert_cmpint(gst_harness_push(gate.harness, gst_buffer_new_allocate(NULL, 10, NULL)), ==, GST_FLOW_OK);
  g_assert_cmpuint(gst_harness_buffers_received(gate.harness), ==, 0);
  gate_clear(&gate);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gate/rolls", test_rolls);
  g_test_add_func("/gate/key-frames", test_key_frames);
  g_test_add_func("/gate/touching", test_touching);
  g_test_add_func("/gate/max-length", test_max_length);
  g_test_add_func("/gate/max-size", test_max_size);
  g_test_add_func("/gate/continuous", test_continuous);
  g_test_add_func("/gate/ends", test_ends);
  g_test_add_func("/gate/without-score", test_without_score);
  return g_test_run();
}
