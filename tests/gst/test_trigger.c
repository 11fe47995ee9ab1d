/* test_trigger.c - frames are scored when they are asked for, and each request has one answer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 128

static Stream
open_stream(const char *more)
{
  return stream_open(SIDE, "trigger=true updates=none", more);
}

static guint
ask(Stream *stream, const char *id)
{
  guint number = 0;
  g_signal_emit_by_name(stream->element, "trigger", id, &number);
  return number;
}

static guint64
scored(Stream *stream)
{
  GstStructure *stats = NULL;
  guint64 n = 0;
  g_object_get(stream->element, "stats", &stats, NULL);
  g_assert_true(gst_structure_get_uint64(stats, "scored", &n));
  gst_structure_free(stats);
  return n;
}

/* Waits for the next message and checks that it is the answer to that request. Returns it (transfer full). */
static GstMessage *
answer(Stream *stream, guint number, const char *id, gboolean of_frame)
{
  GstMessage *message = gst_bus_timed_pop_filtered(stream->bus, 10 * GST_SECOND, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(message);
  const GstStructure *s = gst_message_get_structure(message);
  guint found = 0;
  g_assert_cmpstr(gst_structure_get_string(s, "event"), ==, "trigger");
  g_assert_true(gst_structure_get_uint(s, "trigger", &found));
  g_assert_cmpuint(found, ==, number);
  g_assert_cmpstr(gst_structure_get_string(s, "id"), ==, id);
  g_assert_true(flag_of(s, "scored") == of_frame);
  /* Frames that nobody reads are left out, from the ninth on. */
  g_assert_true(of_frame == (gst_structure_has_field(s, "frame") || gst_structure_has_field(s, "frame-omitted")));
  return message;
}

static void
assert_no_message(Stream *stream)
{
  g_autoptr(GstMessage) message = stream_message(stream, GST_MESSAGE_ELEMENT);
  g_assert_null(message);
}

/* Only the frame after the request is scored, and its answer says whether it is good. */
static void
test_signal(void)
{
  Stream stream = open_stream("mode=sync");
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, TRUE)));
  g_assert_cmpuint(scored(&stream), ==, 0);
  assert_no_message(&stream);
  for (guint i = 0; i < 2; i++) {
    g_assert_cmpuint(ask(&stream, "part"), ==, i + 1);
    g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, 1 + 2 * i, i == 1));
    g_assert_false(flag_of(score_of(out), "stale"));
    g_autoptr(GstMessage) message = answer(&stream, i + 1, "part", TRUE);
    const GstStructure *s = gst_message_get_structure(message);
    g_assert_true(gst_structure_has_field_typed(s, "frame", GST_TYPE_SAMPLE));
    g_assert_true(flag_of(s, "anomalous") == (i == 1));
    g_assert_cmpfloat(number_of(s, "score"), ==, number_of(score_of(out), "score"));
    g_autoptr(GstBuffer) next = stream_push(&stream, stream_frame(&stream, 2 + 2 * i, FALSE));
    g_assert_true(flag_of(score_of(next), "stale"));
    assert_no_message(&stream);
  }
  g_assert_cmpuint(scored(&stream), ==, 2);
  stream_clear(&stream);
}

/* Two requests before a frame have two answers by one frame. */
static void
test_two_requests(void)
{
  Stream stream = open_stream("mode=sync");
  ask(&stream, "a");
  ask(&stream, NULL);
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, FALSE)));
  g_autoptr(GstMessage) first = answer(&stream, 1, "a", TRUE), second = answer(&stream, 2, NULL, TRUE);
  assert_no_message(&stream);
  g_assert_cmpuint(scored(&stream), ==, 1);
  stream_clear(&stream);
}

static GstEvent *
trigger_event(GstEventType type, const char *name)
{
  return gst_event_new_custom(type, gst_structure_new(name, "id", G_TYPE_STRING, "by event", NULL));
}

static void
test_events(void)
{
  Stream stream = open_stream("mode=sync");
  g_assert_true(gst_harness_push_event(stream.harness, trigger_event(GST_EVENT_CUSTOM_DOWNSTREAM, "cbigan-trigger")));
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, FALSE)));
  g_autoptr(GstMessage) down = answer(&stream, 1, "by event", TRUE);
  gst_harness_push_upstream_event(stream.harness, trigger_event(GST_EVENT_CUSTOM_UPSTREAM, "cbigan-trigger"));
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 1, FALSE)));
  g_autoptr(GstMessage) up = answer(&stream, 2, "by event", TRUE);
  gst_harness_push_event(stream.harness, trigger_event(GST_EVENT_CUSTOM_DOWNSTREAM, "other"));
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 2, FALSE)));
  assert_no_message(&stream);
  stream_clear(&stream);
}

/* With mode=async each request is answered once, though frames that wait are replaced by newer ones. */
static void
test_async(void)
{
  enum { N = 20 };
  Stream stream = open_stream("mode=async");
  for (guint i = 0; i < N; i++) {
    ask(&stream, NULL);
    gst_buffer_unref(stream_push(&stream, stream_frame(&stream, i, FALSE)));
  }
  for (guint i = 0; i < N; i++)
    gst_message_unref(answer(&stream, i + 1, NULL, TRUE));
  assert_no_message(&stream);
  stream_clear(&stream);
}

/* A flush leaves a request to the next frame; the end of the stream says that no frame came. */
static void
test_flush_and_end(void)
{
  Stream stream = open_stream("mode=async");
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, FALSE)));
  ask(&stream, "flushed");
  gst_harness_push_event(stream.harness, gst_event_new_flush_start());
  gst_harness_push_event(stream.harness, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(stream.harness, gst_event_new_segment(&segment));
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 1, FALSE)));
  g_autoptr(GstMessage) message = answer(&stream, 1, "flushed", TRUE);
  ask(&stream, "late");
  gst_harness_push_event(stream.harness, gst_event_new_eos());
  g_autoptr(GstMessage) last = answer(&stream, 2, "late", FALSE);
  g_assert_cmpstr(gst_structure_get_string(gst_message_get_structure(last), "reason"), ==, "eos");
  stream_clear(&stream);
}

/* While trigger is false a request is none, and every frame is scored; the property changes while PLAYING. */
static void
test_property(void)
{
  Stream stream = open_stream("mode=sync");
  g_object_set(stream.element, "trigger", FALSE, NULL);
  g_assert_cmpuint(ask(&stream, NULL), ==, 0);
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, FALSE)));
  assert_no_message(&stream);
  g_assert_cmpuint(scored(&stream), ==, 1);
  g_object_set(stream.element, "trigger", TRUE, NULL);
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 1, FALSE)));
  g_assert_cmpuint(scored(&stream), ==, 1);
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/trigger/signal", test_signal);
  g_test_add_func("/trigger/two-requests", test_two_requests);
  g_test_add_func("/trigger/events", test_events);
  g_test_add_func("/trigger/async", test_async);
  g_test_add_func("/trigger/flush-and-end", test_flush_and_end);
  g_test_add_func("/trigger/property", test_property);
  int failed = g_test_run();
  test_model_cleanup();
  return failed;
}
