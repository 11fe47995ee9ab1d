/* test_stream_health.c - whether cbiganscore notices that the camera no longer sees anything
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The harness has a test clock. Only `no-frames` goes by the system's clock: its test waits for messages.
 */
#include <math.h>
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 128
#define STEP (100 * GST_MSECOND) /* between frames: each is measured */

static Stream
open_stream(const char *more)
{
  Stream stream = stream_open(SIDE, "mode=sync qos=false updates=none", more);
  gst_harness_use_testclock(stream.harness);
  return stream;
}

static void
box_blur(guint8 *rgb)
{
  g_autofree guint8 *from = g_memdup2(rgb, SIDE * SIDE * 3);
  for (int y = 0; y < SIDE; y++)
    for (int i = 0; i < 3 * SIDE; i++) {
      int sum = 0;
      for (int v = -3; v <= 3; v++)
        for (int u = -3; u <= 3; u++)
          sum += from[(CLAMP(y + v, 0, SIDE - 1) * SIDE + CLAMP(i / 3 + u, 0, SIDE - 1)) * 3 + i % 3];
      rgb[y * 3 * SIDE + i] = (guint8)(sum / 49);
    }
}

/* Frame n: G good, H with a hole, S the same good frame each time, B black, W white, N noisy, U blurred, D half dark,
 * L in bad light. */
static GstBuffer *
frame_of(const Stream *stream, char kind, guint n)
{
  g_autofree guint8 *rgb = test_cloth(SIDE, SIDE, kind == 'S' ? 0 : n, kind == 'H');
  g_autoptr(GRand) random = g_rand_new_with_seed(n);
  for (int i = 0; i < 3 * SIDE * SIDE; i++)
    switch (kind) {
    case 'B':
      rgb[i] = 2;
      break;
    case 'W':
      rgb[i] = 255;
      break;
    case 'N':
      rgb[i] = (guint8)CLAMP(rgb[i] + g_rand_int_range(random, -80, 81), 0, 255);
      break;
    case 'D':
      rgb[i] = i / 3 % SIDE < SIDE / 2 ? rgb[i] / 5 : rgb[i];
      break;
    case 'L':
      rgb[i] /= 2;
      break;
    default:
      break;
    }
  if (kind == 'U')
    box_blur(rgb);
  GstBuffer *buffer = frame_from_rgb(&stream->info, rgb, SIDE, SIDE);
  GST_BUFFER_PTS(buffer) = n * STEP;
  GST_BUFFER_DURATION(buffer) = STEP;
  return buffer;
}

/* Pushes frames `from` and later ones; returns the `health` of the last. */
static char *
push_kinds(Stream *stream, const char *kinds, guint from)
{
  g_autofree char *health = NULL;
  for (guint i = 0; kinds[i]; i++) {
    g_autoptr(GstBuffer) out = stream_push(stream, frame_of(stream, kinds[i], from + i));
    g_free(health);
    health = g_strdup(gst_structure_get_string(score_of(out), "health"));
  }
  return g_steal_pointer(&health);
}

/* The messages that were posted, such as "+black3@12" for begin, number, and frame of the first such picture. */
static char *
messages_posted(Stream *stream)
{
  GString *words = g_string_new(NULL);
  for (GstMessage *message; (message = stream_message(stream, GST_MESSAGE_ELEMENT)); gst_message_unref(message)) {
    const GstStructure *s = gst_message_get_structure(message);
    guint id = 0;
    guint64 begin = 0;
    g_autofree char *text = gst_structure_to_string(s);
    g_test_message("%s", text);
    g_assert_true(gst_structure_has_name(s, "cbigan-health"));
    g_assert_true(
        gst_structure_get(s, "health-id", G_TYPE_UINT, &id, "begin-running-time", G_TYPE_UINT64, &begin, NULL));
    g_string_append_printf(words, "%s%s%s%u@%u", words->len ? " " : "",
                           g_str_equal(gst_structure_get_string(s, "event"), "begin") ? "+" : "-",
                           gst_structure_get_string(s, "condition"), id, (guint)(begin / STEP));
  }
  return g_string_free(words, FALSE);
}

/* A condition begins after health-time of wrong pictures and ends after that time of right ones; a single one is
 * nothing. */
static void
test_begin_and_end(void)
{
  Stream stream = open_stream("health-time=300");
  g_autofree char *first = push_kinds(&stream, "GGGBGGGBBB", 0);
  g_assert_cmpstr(first, ==, "good");
  g_autofree char *nothing = messages_posted(&stream);
  g_assert_cmpstr(nothing, ==, "");
  g_autofree char *second = push_kinds(&stream, "B", 10);
  g_assert_cmpstr(second, ==, "black,flat");
  g_autofree char *began = messages_posted(&stream);
  g_assert_cmpstr(began, ==, "+black1@7 +flat2@7");
  g_autofree char *third = push_kinds(&stream, "GGBGGG", 11);
  g_assert_cmpstr(third, ==, "black,flat");
  g_autofree char *fourth = push_kinds(&stream, "G", 17);
  g_assert_cmpstr(fourth, ==, "good");
  g_autofree char *ended = messages_posted(&stream);
  g_assert_cmpstr(ended, ==, "-black1@7 -flat2@7");
  stream_clear(&stream);
}

/* What each kind of spoilt picture is called; each message has its figure and its limit. */
static void
test_kinds(void)
{
  static const struct {
    char kind;
    const char *name;
  } rows[] = { { 'B', "black" }, { 'W', "overexposed" }, { 'N', "noisy" }, { 'U', "blurred" },
               { 'D', "light" }, { 'L', "light" },       { 'G', NULL },    { 'H', NULL } };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    Stream stream = open_stream("health-time=0");
    const char kinds[] = { rows[i].kind, rows[i].kind, 0 };
    g_autofree char *health = push_kinds(&stream, kinds, 0);
    g_test_message("%c: %s", rows[i].kind, health);
    g_assert_true(strstr(health, rows[i].name ? rows[i].name : "good") != NULL);
    g_autoptr(GstMessage) message = stream_message(&stream, GST_MESSAGE_ELEMENT);
    g_assert_true((message != NULL) == (rows[i].name != NULL));
    if (message) {
      const GstStructure *s = gst_message_get_structure(message);
      g_assert_true(number_of(s, "figure") != number_of(s, "limit"));
      g_assert_true(isfinite(number_of(s, "limit")));
    }
    stream_clear(&stream);
  }
}

/* A stream that stops changing, though its timestamps go on. */
static void
test_frozen(void)
{
  Stream stream = open_stream("freeze-time=1000");
  g_autofree char *moving = push_kinds(&stream, "GGGGGGGGGGGGGGG", 0);
  g_assert_cmpstr(moving, ==, "good");
  g_autofree char *still = push_kinds(&stream, "SSSSSSSSSSS", 20);
  g_assert_cmpstr(still, ==, "frozen");
  g_autoptr(GstMessage) message = stream_message(&stream, GST_MESSAGE_ELEMENT);
  g_assert_cmpstr(gst_structure_get_string(gst_message_get_structure(message), "condition"), ==, "frozen");
  g_assert_cmpfloat_with_epsilon(number_of(gst_message_get_structure(message), "figure"), 1.0, 1e-6);
  g_autofree char *again = push_kinds(&stream, "GG", 40);
  g_assert_cmpstr(again, ==, "good");
  g_object_set(stream.element, "freeze-time", 0, NULL);
  g_autofree char *allowed = push_kinds(&stream, "SSSSSSSSSSSSSSSSSSSS", 50);
  g_assert_cmpstr(allowed, ==, "good");
  stream_clear(&stream);
}

/* Scores of which most lie above all good pictures': half a minute of them, not a few. */
static void
test_drift(void)
{
  Stream stream = open_stream("health-time=0");
  for (guint i = 0; i < 64; i++) {
    g_autoptr(GstBuffer) out = stream_push(&stream, frame_of(&stream, 'H', 6 * i));
    g_assert_cmpstr(gst_structure_get_string(score_of(out), "health"), ==, i < 63 ? "good" : "drift");
  }
  g_autofree char *messages = messages_posted(&stream);
  g_assert_true(g_str_has_prefix(messages, "+drift1@"));
  stream_clear(&stream);
}

/* Conditions end with the stream, with a flush and with the property; their numbers go on. */
static void
test_always_ends(void)
{
  Stream stream = open_stream("health-time=0");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  g_free(push_kinds(&stream, "WW", 0));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_start()));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_stop(TRUE)));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_segment(&segment)));
  g_autofree char *flushed = messages_posted(&stream);
  g_assert_cmpstr(flushed, ==, "+overexposed1@0 +flat2@0 -overexposed1@0 -flat2@0");
  g_free(push_kinds(&stream, "WW", 10));
  g_object_set(stream.element, "health", FALSE, NULL);
  g_autofree char *off = push_kinds(&stream, "WW", 12);
  g_assert_cmpstr(off, ==, "good");
  g_autofree char *switched = messages_posted(&stream);
  g_assert_cmpstr(switched, ==, "+overexposed3@10 +flat4@10 -overexposed3@10 -flat4@10");
  g_object_set(stream.element, "health", TRUE, NULL);
  g_free(push_kinds(&stream, "WW", 20));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_eos()));
  g_autofree char *ended = messages_posted(&stream);
  g_assert_cmpstr(ended, ==, "+overexposed5@20 +flat6@20 -overexposed5@20 -flat6@20");
  stream_clear(&stream);
}

static GstMessage *
wait_for_message(Stream *stream)
{
  GstMessage *message = gst_bus_timed_pop_filtered(stream->bus, 60 * GST_SECOND, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(message);
  return message;
}

static void
check_message(GstMessage *message, const char *field, const char *value, const char *event)
{
  const GstStructure *s = gst_message_get_structure(message);
  g_assert_cmpstr(gst_structure_get_string(s, field), ==, value);
  g_assert_cmpstr(gst_structure_get_string(s, "event"), ==, event);
  gst_message_unref(message);
}

/* A camera that dies in the middle of an anomaly: the anomaly ends. When it is back, so does the condition. */
static void
test_no_frames(void)
{
  Stream stream = open_stream("no-frames-time=300");
  g_object_set(stream.element, "updates", 1, NULL);
  gst_buffer_unref(stream_push(&stream, frame_of(&stream, 'H', 0)));
  check_message(wait_for_message(&stream), "event", "begin", "begin");
  check_message(wait_for_message(&stream), "condition", "no-frames", "begin");
  check_message(wait_for_message(&stream), "reason", "no-frames", "end");
  gst_buffer_unref(stream_push(&stream, frame_of(&stream, 'G', 1)));
  check_message(wait_for_message(&stream), "condition", "no-frames", "end");
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_eos()));
  gst_element_set_state(stream.element, GST_STATE_PAUSED);
  gst_element_set_state(stream.element, GST_STATE_PLAYING);
  g_usleep(700 * 1000); /* after the end, none is expected */
  g_assert_null(stream_message(&stream, GST_MESSAGE_ELEMENT));
  stream_clear(&stream);
}

/* No frame ever: that is said, too. The condition ends with the state. */
static void
test_never_a_frame(void)
{
  Stream stream = open_stream("no-frames-time=100");
  check_message(wait_for_message(&stream), "condition", "no-frames", "begin");
  gst_element_set_state(stream.element, GST_STATE_READY);
  check_message(wait_for_message(&stream), "condition", "no-frames", "end");
  stream_clear(&stream);
}

/* health-time by a controller: 0 until frame 2, then an hour. */
static void
test_controlled(void)
{
  Stream stream = open_stream("");
  stream_control(&stream, "health-time", 0, 2 * STEP, 3600000);
  g_free(push_kinds(&stream, "GBGG", 0));
  g_autofree char *messages = messages_posted(&stream);
  g_assert_cmpstr(messages, ==, "+black1@1 +flat2@1"); /* and no end */
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/health/begin-and-end", test_begin_and_end);
  g_test_add_func("/health/kinds", test_kinds);
  g_test_add_func("/health/frozen", test_frozen);
  g_test_add_func("/health/drift", test_drift);
  g_test_add_func("/health/always-ends", test_always_ends);
  g_test_add_func("/health/no-frames", test_no_frames);
  g_test_add_func("/health/never-a-frame", test_never_a_frame);
  g_test_add_func("/health/controlled", test_controlled);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
