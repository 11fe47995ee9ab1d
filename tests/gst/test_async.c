/* test_async.c - cbiganscore with mode=async: frames pass before they are scored
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The frames have a gate: the worker waits in it when it reads their pixels. So the tests decide how long scoring
 * takes, and count the frames that are read.
 */
#include "stream.h"
#include "test_model.h"

#define SIDE 64
#define FRAME_TIME (40 * GST_MSECOND)
#define PATIENCE (30 * GST_SECOND)

static struct {
  GMutex lock;
  GCond changed;
  guint arrived; /* frames whose pixels were asked for */
  guint passes;  /* frames that may be read */
  gboolean (*map)(GstVideoMeta *meta, guint plane, GstMapInfo *info, gpointer *data, gint *stride, GstMapFlags flags);
} gate;

static gboolean
map_at_gate(GstVideoMeta *meta, guint plane, GstMapInfo *info, gpointer *data, gint *stride, GstMapFlags flags)
{
  g_mutex_lock(&gate.lock);
  gate.arrived++;
  g_cond_broadcast(&gate.changed);
  while (gate.passes < gate.arrived)
    g_cond_wait(&gate.changed, &gate.lock);
  g_mutex_unlock(&gate.lock);
  return gate.map(meta, plane, info, data, stride, flags);
}

/* Lets one more frame through; with all, every frame from now on. */
static void
open_gate(gboolean all)
{
  g_mutex_lock(&gate.lock);
  gate.passes = all ? G_MAXUINT : gate.passes + 1;
  g_cond_broadcast(&gate.changed);
  g_mutex_unlock(&gate.lock);
}

static void
wait_for_arrivals(guint n)
{
  g_mutex_lock(&gate.lock);
  while (gate.arrived < n)
    g_cond_wait(&gate.changed, &gate.lock);
  g_mutex_unlock(&gate.lock);
}

/* Live with mode=auto, unless `more` says otherwise. */
static Stream
open_stream(const char *more)
{
  g_autofree char *model = test_model_write(SIDE, 1), *properties = g_strdup_printf("model=%s %s", model, more);
  Stream stream = stream_new(properties);
  gate.arrived = gate.passes = 0;
  gst_harness_set_live(stream.harness, TRUE);
  gst_harness_set_upstream_latency(stream.harness, FRAME_TIME);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  return stream;
}

static GstBuffer *
push(Stream *stream, guint n, gboolean hole)
{
  GstBuffer *frame = stream_frame(stream, n, hole);
  GstVideoMeta *meta = gst_buffer_add_video_meta(frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB,
                                                 (guint)stream->info.width, (guint)stream->info.height);
  gate.map = meta->map;
  meta->map = map_at_gate;
  return stream_push(stream, frame);
}

/* Pushes a frame and waits until the worker reads it, which is the n-th frame that it reads. */
static void
push_into_work(Stream *stream, guint frame, gboolean hole, guint n)
{
  gst_buffer_unref(push(stream, frame, hole));
  wait_for_arrivals(n);
}

/* Waits for the next message about a frame, which must be that one; returns it (transfer full). */
static GstMessage *
wait_for_message(Stream *stream, const char *event, guint frame)
{
  GstMessage *message = gst_bus_timed_pop_filtered(stream->bus, PATIENCE, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
  g_assert_nonnull(message);
  const GstStructure *s = gst_message_get_structure(message);
  guint64 timestamp;
  g_assert_cmpstr(gst_structure_get_string(s, "event"), ==, event);
  g_assert_true(gst_structure_get_uint64(s, "timestamp", &timestamp));
  g_assert_cmpuint(timestamp, ==, frame * FRAME_TIME);
  return message;
}

static guint64
stat_of(Stream *stream, const char *field)
{
  g_autoptr(GstStructure) stats = NULL;
  guint64 value;
  g_object_get(stream->element, "stats", &stats, NULL);
  g_assert_true(gst_structure_get_uint64(stats, field, &value));
  return value;
}

static gboolean
has_score(GstBuffer *buffer)
{
  return gst_buffer_get_custom_meta(buffer, "CbiganScore") != NULL;
}

/* Frames pass while the worker is busy. It takes the newest one, and nobody reads the others. */
static void
test_newest(void)
{
  Stream stream = open_stream("updates=every-frame");
  for (guint i = 0; i < 4; i++) {
    g_autoptr(GstBuffer) out = push(&stream, i, i == 3);
    g_assert_false(has_score(out));
    if (i == 0)
      wait_for_arrivals(1);
  }
  g_assert_null(stream_message(&stream, GST_MESSAGE_ELEMENT));
  open_gate(FALSE);
  gst_message_unref(wait_for_message(&stream, "score", 0));
  wait_for_arrivals(2);
  g_autoptr(GstBuffer) early = push(&stream, 4, FALSE);
  guint64 pts;
  g_assert_true(flag_of(score_of(early), "stale") && !flag_of(score_of(early), "anomalous"));
  g_assert_true(gst_structure_get_uint64(score_of(early), "scored-pts", &pts));
  g_assert_cmpuint(pts, ==, 0);
  open_gate(FALSE);
  g_autoptr(GstMessage) message = wait_for_message(&stream, "begin", 3);
  const GstStructure *s = gst_message_get_structure(message);
  g_assert_false(flag_of(s, "stale"));
  wait_for_arrivals(3);
  g_autoptr(GstBuffer) out = push(&stream, 5, FALSE);
  g_assert_true(flag_of(score_of(out), "stale") && flag_of(score_of(out), "anomalous"));
  g_assert_true(number_of(score_of(out), "score") == number_of(s, "score"));
  g_assert_nonnull(gst_buffer_get_video_overlay_composition_meta(out));
  g_assert_true(gst_structure_has_field(score_of(out), "heatmap"));
  g_assert_cmpuint(stat_of(&stream, "frames"), ==, 6);
  g_assert_cmpuint(stat_of(&stream, "scored"), ==, 2);
  g_assert_cmpuint(stat_of(&stream, "carried"), ==, 2);
  g_assert_cmpuint(stat_of(&stream, "dropped"), ==, 2); /* 1 and 2 */
  g_assert_cmpuint(gate.arrived, ==, 3);                /* 0, 3 and 4 */
  open_gate(TRUE);
  stream_clear(&stream);
}

/* The same frame has the same score in both modes; mode=sync waits for it, whatever the source is. */
static void
test_same_score(void)
{
  Stream stream = open_stream("updates=every-frame");
  open_gate(TRUE);
  gst_buffer_unref(push(&stream, 7, TRUE));
  g_autoptr(GstMessage) message = wait_for_message(&stream, "begin", 7);
  g_object_set(stream.element, "mode", 2, "qos", FALSE, NULL);
  g_autoptr(GstBuffer) out = push(&stream, 7, TRUE);
  g_assert_false(flag_of(score_of(out), "stale"));
  g_assert_true(number_of(score_of(out), "score") == number_of(gst_message_get_structure(message), "score"));
  stream_clear(&stream);
}

static void
test_no_latency(void)
{
  Stream stream = open_stream("updates=every-frame");
  open_gate(TRUE);
  for (guint i = 0; i < 30; i++) {
    gst_buffer_unref(push(&stream, i % 10, FALSE));
    gst_message_unref(wait_for_message(&stream, "score", i % 10));
  }
  g_assert_cmpuint(gst_harness_query_latency(stream.harness), ==, FRAME_TIME);
  g_assert_null(stream_message(&stream, GST_MESSAGE_LATENCY));
  stream_clear(&stream);
}

/* A flush drops the frame that waits, the result of the frame in work, and the result that is carried. */
static void
test_flush(void)
{
  Stream stream = open_stream("updates=every-frame");
  open_gate(FALSE);
  push_into_work(&stream, 0, TRUE, 1);
  gst_message_unref(wait_for_message(&stream, "begin", 0));
  push_into_work(&stream, 1, FALSE, 2);
  gst_buffer_unref(push(&stream, 2, FALSE));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_start()));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_stop(TRUE)));
  g_assert_cmpuint(stat_of(&stream, "dropped"), ==, 1);
  g_autoptr(GstMessage) end = stream_message(&stream, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(end);
  g_assert_cmpstr(gst_structure_get_string(gst_message_get_structure(end), "event"), ==, "end");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_segment(&segment)));
  g_autoptr(GstBuffer) out = push(&stream, 3, FALSE);
  g_assert_false(has_score(out));
  open_gate(TRUE);
  gst_message_unref(wait_for_message(&stream, "score", 3));
  stream_clear(&stream);
}

static gpointer
open_after_drop(gpointer data)
{
  while (!stat_of(data, "dropped"))
    g_usleep(1000);
  open_gate(TRUE);
  return NULL;
}

/* So do new caps, which wait until the frame in work is done. */
static void
test_caps(void)
{
  Stream stream = open_stream("updates=every-frame");
  open_gate(FALSE);
  push_into_work(&stream, 0, FALSE, 1);
  gst_message_unref(wait_for_message(&stream, "score", 0));
  push_into_work(&stream, 1, FALSE, 2);
  gst_buffer_unref(push(&stream, 2, FALSE));
  GThread *thread = g_thread_new("gate", open_after_drop, &stream);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 2 * SIDE, SIDE);
  gst_buffer_unref(push(&stream, 3, FALSE));
  g_thread_join(thread);
  gst_message_unref(wait_for_message(&stream, "score", 3));
  g_assert_cmpuint(gate.arrived, ==, 3);
  stream_clear(&stream);
}

static gpointer
open_soon(gpointer data)
{
  g_usleep(200 * 1000);
  open_gate(TRUE);
  return NULL;
}

/* The messages about the last frames come before the stream ends. */
static void
test_eos(void)
{
  Stream stream = open_stream("updates=on-anomaly");
  push_into_work(&stream, 0, FALSE, 1);
  gst_buffer_unref(push(&stream, 1, TRUE));
  GThread *thread = g_thread_new("gate", open_soon, NULL);
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_eos()));
  g_autoptr(GstMessage) begin = stream_message(&stream, GST_MESSAGE_ELEMENT),
                        end = stream_message(&stream, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(begin);
  g_assert_nonnull(end);
  g_assert_cmpstr(gst_structure_get_string(gst_message_get_structure(begin), "event"), ==, "begin");
  g_assert_cmpstr(gst_structure_get_string(gst_message_get_structure(end), "event"), ==, "end");
  g_thread_join(thread);
  stream_clear(&stream);
}

/* A new model scores the next frame that the worker takes; the frame in work keeps the old one. */
static void
test_swap(void)
{
  Stream stream = open_stream("updates=every-frame max-rate=0.001");
  g_autofree char *first = test_model_write(SIDE, 1), *second = test_model_write(128, 2);
  push_into_work(&stream, 0, FALSE, 1);
  g_object_set(stream.element, "model", second, NULL);
  gst_buffer_unref(push(&stream, 1, FALSE));
  open_gate(TRUE);
  g_autoptr(GstMessage) before = wait_for_message(&stream, "score", 0);
  g_assert_cmpstr(gst_structure_get_string(gst_message_get_structure(before), "model"), ==, first);
  g_autoptr(GstMessage) after =
      gst_bus_timed_pop_filtered(stream.bus, PATIENCE, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
  g_assert_nonnull(after);
  g_assert_cmpstr(gst_structure_get_string(gst_message_get_structure(after), "model"), ==, second);
  g_autoptr(GstStructure) stats = NULL;
  g_object_get(stream.element, "stats", &stats, NULL);
  g_assert_cmpstr(gst_structure_get_string(stats, "model"), ==, second);
  g_assert_cmpstr(gst_structure_get_string(stats, "backend"), ==, "cpu");
  g_assert_nonnull(gst_structure_get_string(stats, "precision"));
  g_assert_cmpfloat(number_of(stats, "scores-per-second"), >, 0);
  g_assert_cmpuint(stat_of(&stream, "p50"), >, 0);
  g_assert_cmpuint(stat_of(&stream, "p99"), >=, stat_of(&stream, "p50"));
  stream_clear(&stream);
}

/* One error message. The stream ends with the frame that comes after it, maybe with the bad one already. */
static void
test_error(void)
{
  Stream stream = open_stream("");
  gst_harness_push(stream.harness, gst_buffer_new_allocate(NULL, 100, NULL));
  g_autoptr(GstMessage) error = gst_bus_timed_pop_filtered(stream.bus, PATIENCE, GST_MESSAGE_ERROR);
  g_assert_nonnull(error);
  g_assert_cmpint(gst_harness_push(stream.harness, stream_frame(&stream, 1, FALSE)), ==, GST_FLOW_ERROR);
  g_assert_null(stream_message(&stream, GST_MESSAGE_ERROR));
  stream_clear(&stream);
}

/* Messages with updates=interval have the statistics; the frame in a message is the scored one. */
static void
test_message(void)
{
  Stream stream = open_stream("updates=interval attach-frame=true");
  open_gate(TRUE);
  gst_buffer_unref(push(&stream, 3, TRUE));
  g_autoptr(GstMessage) message = wait_for_message(&stream, "begin", 3);
  const GstStructure *s = gst_message_get_structure(message);
  g_assert_true(gst_structure_has_field_typed(s, "stats", GST_TYPE_STRUCTURE));
  GstSample *sample = gst_value_get_sample(gst_structure_get_value(s, "frame"));
  g_assert_nonnull(gst_sample_get_caps(sample));
  g_assert_cmpuint(GST_BUFFER_PTS(gst_sample_get_buffer(sample)), ==, 3 * FRAME_TIME);
  g_assert_false(flag_of(score_of(gst_sample_get_buffer(sample)), "stale"));
  stream_clear(&stream);
}

/* The element stops while a frame is in work and another one waits, and runs again. */
static void
test_stop(void)
{
  Stream stream = open_stream("updates=every-frame");
  push_into_work(&stream, 0, FALSE, 1);
  gst_buffer_unref(push(&stream, 1, FALSE));
  GThread *thread = g_thread_new("gate", open_after_drop, &stream);
  g_assert_cmpint(gst_element_set_state(stream.element, GST_STATE_READY), ==, GST_STATE_CHANGE_SUCCESS);
  g_thread_join(thread);
  g_assert_null(stream_message(&stream, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR));
  g_assert_cmpint(gst_element_set_state(stream.element, GST_STATE_PLAYING), !=, GST_STATE_CHANGE_FAILURE);
  g_assert_cmpuint(stat_of(&stream, "dropped"), ==, 0);
  stream_clear(&stream);
}

typedef struct {
  Stream *stream;
  char *models[2];
  gint stop;
} Changer;

static gpointer
keep_changing(gpointer data)
{
  Changer *self = data;
  for (guint i = 0; !g_atomic_int_get(&self->stop); i++) {
    g_object_set(self->stream->element, "mode", (int)(i % 3), "updates", (int)(i % 5), "frame-interval", 1 + i % 2,
                 NULL);
    if (i % 10 == 9)
      g_object_set(self->stream->element, "model", self->models[i / 10 % 2], NULL);
    stat_of(self->stream, "scored");
    g_usleep(500);
  }
  return NULL;
}

/* Modes, models and messages change while frames pass, with flushes and new caps in between. */
static void
test_changes(void)
{
  g_autofree char *first = test_model_write(SIDE, 1), *second = test_model_write(128, 2);
  Stream stream = open_stream("attach-frame=true");
  Changer changer = { &stream, { first, second }, 0 };
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  open_gate(TRUE);
  GThread *thread = g_thread_new("changer", keep_changing, &changer);
  for (guint i = 0; i < 150; i++) {
    gst_buffer_unref(push(&stream, i, i % 4 == 0));
    if (i % 20 == 19) {
      g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_start()));
      g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_stop(TRUE)));
      g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_segment(&segment)));
    }
    if (i % 15 == 14)
      stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, SIDE + (int)(i % 2) * SIDE, SIDE);
  }
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_eos()));
  g_atomic_int_set(&changer.stop, 1);
  g_thread_join(thread);
  g_assert_null(stream_message(&stream, GST_MESSAGE_ERROR));
  g_assert_cmpuint(stat_of(&stream, "frames"), ==, 150);
  g_assert_cmpuint(stat_of(&stream, "scored"), >, 0);
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/async/newest", test_newest);
  g_test_add_func("/async/same-score", test_same_score);
  g_test_add_func("/async/no-latency", test_no_latency);
  g_test_add_func("/async/flush", test_flush);
  g_test_add_func("/async/caps", test_caps);
  g_test_add_func("/async/eos", test_eos);
  g_test_add_func("/async/swap", test_swap);
  g_test_add_func("/async/error", test_error);
  g_test_add_func("/async/message", test_message);
  g_test_add_func("/async/stop", test_stop);
  g_test_add_func("/async/changes", test_changes);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
