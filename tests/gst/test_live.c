/* test_live.c - cbiganscore in live pipelines where frames wait for their score, and its messages
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The harness has a test clock: nothing here depends on how fast the machine is.
 */
#include "stream.h"
#include "test_model.h"

#define SIDE 128
#define FRAME_TIME (40 * GST_MSECOND)

static Stream
open_stream(const char *more)
{
  g_autofree char *model = test_model_write(SIDE, 1),
                  *properties = g_strdup_printf("model=%s mode=sync hold=0 %s", model, more);
  Stream stream = stream_new(properties);
  gst_harness_set_live(stream.harness, TRUE);
  gst_harness_use_testclock(stream.harness);
  gst_harness_set_upstream_latency(stream.harness, FRAME_TIME);
  gst_harness_query_latency(stream.harness);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  return stream;
}

/* Pushes frame n when the clock shows `now`; TRUE: it was scored. */
static gboolean
is_scored(Stream *stream, guint n, GstClockTime now)
{
  gst_harness_set_time(stream->harness, now);
  g_autoptr(GstBuffer) out = stream_push(stream, stream_frame(stream, n, FALSE));
  guint64 pts;
  g_assert_true(gst_structure_get_uint64(score_of(out), "scored-pts", &pts));
  gboolean stale = flag_of(score_of(out), "stale");
  g_assert_cmpint(stale, ==, pts != GST_BUFFER_PTS(out));
  return !stale;
}

static void
test_late_by_clock(void)
{
  Stream stream = open_stream("");
  g_assert_true(is_scored(&stream, 0, 0));
  g_assert_true(is_scored(&stream, 1, 2 * FRAME_TIME));  /* the camera's own latency */
  g_assert_false(is_scored(&stream, 2, 5 * FRAME_TIME)); /* too late */
  g_assert_false(is_scored(&stream, 3, 6 * FRAME_TIME));
  g_assert_true(is_scored(&stream, 7, 8 * FRAME_TIME));       /* on time again */
  g_assert_true(is_scored(&stream, 1007, 2000 * FRAME_TIME)); /* late, but the result has grown too old */
  stream_clear(&stream);
}

static void
test_carried_result(void)
{
  Stream stream = open_stream("");
  g_autoptr(GstBuffer) scored = stream_push(&stream, stream_frame(&stream, 2, TRUE));
  gst_harness_set_time(stream.harness, 20 * FRAME_TIME);
  g_autoptr(GstBuffer) carried = stream_push(&stream, stream_frame(&stream, 3, FALSE));
  g_assert_true(flag_of(score_of(carried), "stale"));
  g_assert_true(flag_of(score_of(carried), "anomalous"));
  g_assert_true(number_of(score_of(carried), "score") == number_of(score_of(scored), "score"));
  g_assert_nonnull(gst_buffer_get_video_overlay_composition_meta(carried));
  g_assert_true(gst_value_get_sample(gst_structure_get_value(score_of(carried), "heatmap")) ==
                gst_value_get_sample(gst_structure_get_value(score_of(scored), "heatmap"))); /* shared, not copied */
  stream_clear(&stream);
}

static void
test_late_by_qos(void)
{
  Stream stream = open_stream("");
  g_assert_true(is_scored(&stream, 0, 0));
  g_assert_true(gst_harness_push_upstream_event(
      stream.harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, FRAME_TIME, FRAME_TIME)));
  g_assert_false(is_scored(&stream, 2, 0));
  g_assert_false(is_scored(&stream, 3, 0));
  g_assert_true(is_scored(&stream, 4, 0));
  /* The event goes on to the source. */
  for (GstEvent *event;; gst_event_unref(event)) {
    event = gst_harness_try_pull_upstream_event(stream.harness);
    g_assert_nonnull(event);
    if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) {
      gst_event_unref(event);
      break;
    }
  }
  stream_clear(&stream);
}

static void
test_never_late(void)
{
  Stream stream = open_stream("qos=false");
  for (guint i = 0; i < 3; i++)
    g_assert_true(is_scored(&stream, i, 1000 * FRAME_TIME));
  g_object_set(stream.element, "qos", TRUE, NULL);
  g_assert_false(is_scored(&stream, 4, 1000 * FRAME_TIME));
  gst_harness_set_live(stream.harness, FALSE); /* a file: all frames count */
  gst_harness_query_latency(stream.harness);
  for (guint i = 5; i < 8; i++)
    g_assert_true(is_scored(&stream, i, 1000 * FRAME_TIME));
  stream_clear(&stream);
}

/* A scorer that reaches few frames decides after a second. */
static void
test_latency_of_few(void)
{
  Stream stream = open_stream("");
  for (guint i = 0; i < 5; i++) {
    g_assert_true(is_scored(&stream, i * 12, i * 12 * FRAME_TIME)); /* 480 ms apart; the first one counts for nothing */
    g_autoptr(GstMessage) message = stream_message(&stream, GST_MESSAGE_LATENCY);
    g_assert_cmpint(message != NULL, ==, i == 4);
  }
  g_assert_cmpuint(gst_harness_query_latency(stream.harness), >, FRAME_TIME);
  stream_clear(&stream);
}

/* The latency is answered once it is known and does not change again. */
static void
test_latency(void)
{
  Stream stream = open_stream("");
  guint asked = 0;
  for (guint i = 0; i < 40; i++) {
    g_assert_true(is_scored(&stream, i, i * FRAME_TIME));
    for (GstMessage *message; (message = stream_message(&stream, GST_MESSAGE_LATENCY)); gst_message_unref(message))
      asked++;
    if (i == 10)
      g_assert_cmpuint(gst_harness_query_latency(stream.harness), ==, FRAME_TIME);
  }
  GstClockTime latency = gst_harness_query_latency(stream.harness);
  g_test_message("latency %" GST_TIME_FORMAT, GST_TIME_ARGS(latency));
  g_assert_cmpuint(latency, >, FRAME_TIME);
  g_assert_cmpuint(asked, ==, 1);
  g_object_set(stream.element, "mode", 1, NULL);
  g_assert_cmpuint(gst_harness_query_latency(stream.harness), ==, FRAME_TIME);
  stream_clear(&stream);
}

/* 'x' for a frame that is scored, '-' for one that carries a result, '.' for one without. */
static void
check_pattern(const char *properties, guint64 carry_limit, const char *expected)
{
  g_autofree char *model = test_model_write(SIDE, 1), *all = g_strdup_printf("model=%s %s", model, properties);
  g_autoptr(GString) found = g_string_new(NULL);
  Stream stream = stream_new(all); /* a file, 25 frames per second */
  g_object_set(stream.element, "carry-limit", carry_limit, NULL);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  for (guint i = 0; expected[i]; i++) {
    g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, i, FALSE));
    gboolean has_score = gst_buffer_get_custom_meta(out, "CbiganScore") != NULL;
    g_string_append_c(found, !has_score ? '.' : flag_of(score_of(out), "stale") ? '-' : 'x');
  }
  g_assert_cmpstr(found->str, ==, expected);
  stream_clear(&stream);
}

static void
test_thinned(void)
{
  check_pattern("", 0, "xxxx");
  check_pattern("frame-interval=3", 0, "x--x--x--");
  check_pattern("max-rate=12.5", 0, "x-x-x-x-");
  check_pattern("max-rate=10", 0, "x-x--x-x--x-x--"); /* every 100 ms, of frames every 40 ms */
  check_pattern("max-rate=100", 0, "xxxx");
  check_pattern("max-rate=0.001", 0, "x-----");
  check_pattern("frame-interval=4", 80 * GST_MSECOND, "x--.x--.");
}

/* The events that are posted, as words; checks what each message must have. */
static char *
events_posted(Stream *stream)
{
  GString *words = g_string_new(NULL);
  for (GstMessage *message; (message = stream_message(stream, GST_MESSAGE_ELEMENT)); gst_message_unref(message)) {
    const GstStructure *s = gst_message_get_structure(message);
    guint64 times[4];
    g_assert_true(gst_structure_has_name(s, "cbigan"));
    g_assert_true(gst_structure_get(s, "timestamp", G_TYPE_UINT64, &times[0], "stream-time", G_TYPE_UINT64, &times[1],
                                    "running-time", G_TYPE_UINT64, &times[2], "duration", G_TYPE_UINT64, &times[3],
                                    NULL));
    g_assert_true(gst_structure_has_field(s, "score") && gst_structure_has_field(s, "regions"));
    g_string_append_printf(words, "%s%s", words->len ? " " : "", gst_structure_get_string(s, "event"));
  }
  return g_string_free(words, FALSE);
}

static void
push_kinds(Stream *stream, const char *kinds, guint from)
{
  for (guint i = 0; kinds[i]; i++) {
    gst_harness_set_time(stream->harness, (from + i) * FRAME_TIME);
    gst_buffer_unref(stream_push(stream, stream_frame(stream, from + i, kinds[i] == 'B')));
  }
}

static void
test_updates(void)
{
  static const char *const expected[][2] = {
    { "none", "" },
    { "on-change", "begin end begin end" },
    { "on-anomaly", "begin update end begin end" },
    { "interval interval=0", "score begin update end score begin end" },
    { "interval interval=100000", "score begin end begin end" },
    { "every-frame", "score begin update end score begin end" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    g_autofree char *properties = g_strdup_printf("updates=%s", expected[i][0]);
    Stream stream = open_stream(properties);
    push_kinds(&stream, "GBBGGB", 0); /* good and bad frames */
    g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_eos()));
    g_autofree char *events = events_posted(&stream);
    g_test_message("%s: %s", expected[i][0], events);
    g_assert_cmpstr(events, ==, expected[i][1]);
    stream_clear(&stream);
  }
}

/* A score that sinks a little below the threshold ends nothing; `hold` waits longer. */
static void
test_hysteresis(void)
{
  Stream stream = open_stream("updates=every-frame");
  gst_harness_set_time(stream.harness, 0);
  g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, 0, TRUE));
  double score = number_of(score_of(out), "score");
  const double shares[] = { 0.9, 1.05, 0.9, 1.05, 1.2, 1.05, 0.9 }; /* threshold / score */
  for (guint i = 0; i < G_N_ELEMENTS(shares); i++) {
    g_object_set(stream.element, "threshold", shares[i] * score, NULL);
    gst_harness_set_time(stream.harness, (i + 1) * FRAME_TIME);
    GstBuffer *frame = stream_frame(&stream, 0, TRUE);
    GST_BUFFER_PTS(frame) = (i + 1) * FRAME_TIME;
    gst_buffer_unref(stream_push(&stream, frame));
  }
  g_autofree char *events = events_posted(&stream);
  g_assert_cmpstr(events, ==, "begin update update update update end score begin");
  stream_clear(&stream);
}

static void
test_hold(void)
{
  Stream stream = open_stream("updates=every-frame hold=100");
  push_kinds(&stream, "BGGBGGGGG", 0); /* 40 ms each */
  g_autofree char *events = events_posted(&stream);
  g_assert_cmpstr(events, ==, "begin update update update update update update end score");
  stream_clear(&stream);
}

/* Frames without timestamps, one each 40 ms by the clock: `hold` and `interval` go by the clock. */
static void
test_untimed(void)
{
  static const char *const expected[][3] = {
    { "updates=every-frame hold=100", "BGGBGGGGG", "begin update update update update update update end score" },
    { "updates=interval interval=100", "GGGGGGG", "score score score" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    Stream stream = open_stream(expected[i][0]);
    for (guint n = 0; expected[i][1][n]; n++) {
      GstBuffer *frame = stream_frame(&stream, n, expected[i][1][n] == 'B');
      GST_BUFFER_PTS(frame) = GST_BUFFER_DURATION(frame) = GST_CLOCK_TIME_NONE;
      gst_harness_set_time(stream.harness, n * FRAME_TIME);
      gst_buffer_unref(stream_push(&stream, frame));
    }
    g_autofree char *events = events_posted(&stream);
    g_assert_cmpstr(events, ==, expected[i][2]);
    stream_clear(&stream);
  }
}

static void
test_attached_frame(void)
{
  Stream stream = open_stream("attach-frame=true");
  push_kinds(&stream, "B", 3);
  g_autoptr(GstMessage) message = stream_message(&stream, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(message);
  const GstStructure *s = gst_message_get_structure(message);
  GstSample *frame = gst_value_get_sample(gst_structure_get_value(s, "frame"));
  guint64 timestamp;
  guint event;
  g_assert_true(gst_structure_get(s, "timestamp", G_TYPE_UINT64, &timestamp, "event-id", G_TYPE_UINT, &event, NULL));
  g_assert_cmpuint(timestamp, ==, 3 * FRAME_TIME);
  g_assert_cmpuint(event, ==, 1);
  g_assert_cmpuint(gst_buffer_get_size(gst_sample_get_buffer(frame)), ==, SIDE * SIDE * 3);
  g_assert_nonnull(gst_sample_get_caps(frame));
  g_assert_true(gst_structure_has_field(s, "heatmap"));
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/live/late-by-clock", test_late_by_clock);
  g_test_add_func("/live/carried-result", test_carried_result);
  g_test_add_func("/live/late-by-qos", test_late_by_qos);
  g_test_add_func("/live/never-late", test_never_late);
  g_test_add_func("/live/latency", test_latency);
  g_test_add_func("/live/latency-of-few", test_latency_of_few);
  g_test_add_func("/live/thinned", test_thinned);
  g_test_add_func("/messages/updates", test_updates);
  g_test_add_func("/messages/hysteresis", test_hysteresis);
  g_test_add_func("/messages/hold", test_hold);
  g_test_add_func("/messages/untimed", test_untimed);
  g_test_add_func("/messages/attached-frame", test_attached_frame);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
