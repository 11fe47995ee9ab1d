/* test_events.c - when an anomaly begins and ends, and what its messages say
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames are good (G) or have a hole (B). The harness has a test clock, so nothing depends on the machine's speed.
 */
#include <math.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 128
#define FRAME_TIME (40 * GST_MSECOND)

static Stream
open_stream(const char *more)
{
  Stream stream = stream_open(SIDE, "mode=sync qos=false health=false", more);
  gst_harness_use_testclock(stream.harness);
  return stream;
}

static GstBuffer *
push(Stream *stream, char kind, GstClockTime pts)
{
  GstBuffer *frame = stream_frame(stream, 0, kind == 'B');
  GST_BUFFER_PTS(frame) = pts;
  return stream_push(stream, frame);
}

/* Frame `from` and later ones, 40 ms each. */
static void
push_kinds(Stream *stream, const char *kinds, guint from)
{
  for (guint i = 0; kinds[i]; i++)
    gst_buffer_unref(push(stream, kinds[i], (from + i) * FRAME_TIME));
}

/* The events that are posted, as words, each with the number of its anomaly. */
static char *
events_posted(Stream *stream)
{
  GString *words = g_string_new(NULL);
  for (GstMessage *message; (message = stream_message(stream, GST_MESSAGE_ELEMENT)); gst_message_unref(message)) {
    const GstStructure *s = gst_message_get_structure(message);
    guint id = 0;
    g_assert_true(gst_structure_get_uint(s, "event-id", &id));
    g_string_append_printf(words, "%s%s%u", words->len ? " " : "", gst_structure_get_string(s, "event"), id);
  }
  return g_string_free(words, FALSE);
}

static guint64
time_of(const GstStructure *s, const char *field)
{
  guint64 time = 0;
  g_assert_true(gst_structure_get_uint64(s, field, &time));
  return time;
}

/* Which frames begin and end an anomaly under which rules. */
static void
test_rules(void)
{
  static const char *const expected[][3] = {
    { "hold=0", "GBGBBG", "score0 begin1 end1 begin2 update2 end2" },
    { "hold=0 confirm-frames=2", "GBGBBBG", "score0 score0 score0 score0 begin1 update1 end1" },
    { "hold=0 confirm-time=80", "BBBG", "score0 score0 begin1 end1" },
    { "hold=0 confirm-time=80 confirm-frames=4", "BBBBG", "score0 score0 score0 begin1 end1" },
    { "hold=80", "BGBGGGG", "begin1 update1 update1 update1 update1 end1 score0" },
    { "", "BGGGGGGGGGGGG", /* 500 ms */
      "begin1 update1 update1 update1 update1 update1 update1 update1 update1 update1 update1 update1 update1" },
    { "hold=0 min-area=0.9", "GBG", "score0 score0 score0" },
    { "hold=0 min-area=0.001", "GBG", "score0 begin1 end1" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    g_autofree char *properties = g_strdup_printf("updates=every-frame %s", expected[i][0]);
    Stream stream = open_stream(properties);
    push_kinds(&stream, expected[i][1], 0);
    g_autofree char *events = events_posted(&stream);
    g_test_message("%s", expected[i][0]);
    g_assert_cmpstr(events, ==, expected[i][2]);
    stream_clear(&stream);
  }
}

/* The message at the end has begin, peak and duration, of the frames from the first one over the threshold on. */
static void
test_end(void)
{
  Stream stream = open_stream("hold=100 confirm-frames=2 attach-frame=true");
  push_kinds(&stream, "GBB", 0);
  g_object_set(stream.element, "lambda", 1.0, NULL);
  push_kinds(&stream, "BGGGG", 3);
  g_autoptr(GstMessage) begin = stream_message(&stream, GST_MESSAGE_ELEMENT),
                        end = stream_message(&stream, GST_MESSAGE_ELEMENT);
  const GstStructure *first = gst_message_get_structure(begin), *last = gst_message_get_structure(end);
  g_assert_cmpstr(gst_structure_get_string(first, "event"), ==, "begin");
  g_assert_cmpuint(time_of(first, "timestamp"), ==, 2 * FRAME_TIME);
  g_assert_cmpuint(time_of(first, "begin-timestamp"), ==, FRAME_TIME);
  g_assert_cmpuint(time_of(first, "begin-running-time"), ==, FRAME_TIME);
  g_assert_cmpstr(gst_structure_get_string(last, "event"), ==, "end");
  g_assert_cmpstr(gst_structure_get_string(last, "reason"), ==, "below");
  g_assert_cmpuint(time_of(last, "begin-timestamp"), ==, FRAME_TIME);
  g_assert_cmpuint(time_of(last, "timestamp"), ==, 7 * FRAME_TIME);
  g_assert_cmpuint(time_of(last, "anomaly-duration"), ==, 3 * FRAME_TIME); /* frames 1 to 3 */
  g_assert_cmpfloat(number_of(last, "peak"), >=, number_of(first, "score"));
  g_assert_cmpfloat(number_of(last, "peak-normalized"), >, 0.5);
  const guint64 peak = time_of(last, "peak-timestamp");
  g_assert_true(peak >= FRAME_TIME && peak <= 3 * FRAME_TIME);
  GstSample *frame = gst_value_get_sample(gst_structure_get_value(last, "peak-frame"));
  g_assert_cmpuint(GST_BUFFER_PTS(gst_sample_get_buffer(frame)), ==, peak);
  g_assert_cmpuint(time_of(last, "peak-running-time"), ==, peak);
  stream_clear(&stream);
}

static void
check_end(Stream *stream, const char *reason, guint id)
{
  g_autoptr(GstMessage) message = stream_message(stream, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(message);
  const GstStructure *s = gst_message_get_structure(message);
  guint found;
  g_assert_cmpstr(gst_structure_get_string(s, "event"), ==, "end");
  g_assert_cmpstr(gst_structure_get_string(s, "reason"), ==, reason);
  g_assert_true(gst_structure_get_uint(s, "event-id", &found));
  g_assert_cmpuint(found, ==, id);
  g_assert_cmpuint(time_of(s, "timestamp"), !=, GST_CLOCK_TIME_NONE);
  g_assert_cmpuint(time_of(s, "running-time"), !=, GST_CLOCK_TIME_NONE);
  g_assert_cmpuint(time_of(s, "anomaly-duration"), ==, FRAME_TIME);
}

/* An open anomaly ends with the stream, a flush, a state and an error; no number is used twice. */
static void
test_always_ends(void)
{
  Stream stream = open_stream("");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  push_kinds(&stream, "BB", 0);
  gst_message_unref(stream_message(&stream, GST_MESSAGE_ELEMENT));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_start()));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_stop(TRUE)));
  check_end(&stream, "flush", 1);
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_segment(&segment)));

  push_kinds(&stream, "BB", 10);
  gst_message_unref(stream_message(&stream, GST_MESSAGE_ELEMENT));
  gst_element_set_state(stream.element, GST_STATE_READY);
  check_end(&stream, "stopped", 2);
  gst_element_set_state(stream.element, GST_STATE_PLAYING);
  gst_harness_push_event(stream.harness, gst_event_new_stream_start("again"));
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_segment(&segment)));

  push_kinds(&stream, "BB", 20);
  gst_message_unref(stream_message(&stream, GST_MESSAGE_ELEMENT));
  g_assert_cmpint(gst_harness_push(stream.harness, gst_buffer_new_allocate(NULL, 16, NULL)), ==, GST_FLOW_ERROR);
  check_end(&stream, "error", 3);
  gst_message_unref(stream_message(&stream, GST_MESSAGE_ERROR));
  push_kinds(&stream, "BB", 30);
  gst_message_unref(stream_message(&stream, GST_MESSAGE_ELEMENT));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_eos()));
  check_end(&stream, "eos", 4);
  g_assert_null(stream_message(&stream, GST_MESSAGE_ELEMENT));
  stream_clear(&stream);
}

/* Timestamps that jump back by an hour, then on by one: `hold` goes on counting, and no duration is absurd. */
static void
test_clock_jumps(void)
{
  Stream stream = open_stream("hold=100 updates=on-change");
  const GstClockTime late = 3600 * GST_SECOND;
  const struct {
    char kind;
    GstClockTime pts;
  } frames[] = {
    { 'B', late },           { 'B', late + FRAME_TIME }, { 'G', 0 },   { 'G', FRAME_TIME }, { 'G', 2 * FRAME_TIME },
    { 'G', 3 * FRAME_TIME }, { 'B', 4 * FRAME_TIME },    { 'G', late }
  };
  for (guint i = 0; i < G_N_ELEMENTS(frames); i++)
    gst_buffer_unref(push(&stream, frames[i].kind, frames[i].pts));
  gst_message_unref(stream_message(&stream, GST_MESSAGE_ELEMENT));
  check_end(&stream, "below", 1);
  g_autofree char *events = events_posted(&stream);
  g_assert_cmpstr(events, ==, "begin2");
  stream_clear(&stream);
}

/* Nobody reads the bus: messages come, but only so many hold a frame. They hold frames again when some are freed. */
static void
test_unread(void)
{
  Stream stream = open_stream("attach-frame=true updates=every-frame");
  guint held[2] = { 0 };
  for (guint turn = 0; turn < 2; turn++) {
    push_kinds(&stream, "BBBBBBBBBBBBBBBBBBBB", 20 * turn);
    for (GstMessage *message; (message = stream_message(&stream, GST_MESSAGE_ELEMENT)); gst_message_unref(message)) {
      const GstStructure *s = gst_message_get_structure(message);
      const gboolean has_frame = gst_structure_has_field(s, "frame");
      g_assert_true(has_frame != gst_structure_has_field(s, "frame-omitted"));
      held[turn] += has_frame;
    }
    g_assert_cmpuint(held[turn], ==, 8);
  }
  stream_clear(&stream);
}

/* A number that is none changes nothing, and the property is named; newer GLib refuses it before cbigan does. */
static void
test_values(void)
{
  static const char *const names[] = { "threshold", "lambda", "max-rate", "min-area" };
  const gboolean by_glib = !glib_check_version(2, 80, 0);
  Stream stream = open_stream("threshold=1 lambda=0.5 max-rate=100 min-area=0.5");
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    double before, after;
    g_object_get(stream.element, names[i], &before, NULL);
    g_autofree char *refusal = g_strdup_printf("*nan*%s*", names[i]);
    g_test_expect_message("GLib-GObject", by_glib ? G_LOG_LEVEL_CRITICAL : G_LOG_LEVEL_WARNING, refusal);
    g_object_set(stream.element, names[i], NAN, NULL);
    g_test_assert_expected_messages();
    g_object_get(stream.element, names[i], &after, NULL);
    g_assert_true(before == after);
  }
  stream_clear(&stream);
}

/* confirm-frames by a controller: 1 until frame 2, then 3. */
static void
test_controlled(void)
{
  Stream stream = open_stream("hold=0 updates=every-frame");
  stream_control(&stream, "confirm-frames", 1, 2 * FRAME_TIME, 3);
  push_kinds(&stream, "BGBBBG", 0);
  g_autofree char *events = events_posted(&stream);
  g_assert_cmpstr(events, ==, "begin1 end1 score0 score0 begin2 end2");
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/events/rules", test_rules);
  g_test_add_func("/events/end", test_end);
  g_test_add_func("/events/always-ends", test_always_ends);
  g_test_add_func("/events/clock-jumps", test_clock_jumps);
  g_test_add_func("/events/unread", test_unread);
  g_test_add_func("/events/values", test_values);
  g_test_add_func("/events/controlled", test_controlled);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
