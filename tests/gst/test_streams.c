/* test_streams.c - elements with the same model share it, and stay independent of each other
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "stream.h"
#include "test_model.h"

#define SIDE 64
#define STREAMS 6
#define FRAMES 30
#define LONG (20 * G_USEC_PER_SEC) /* a batch-timeout that fails a test which waits for it */

static Stream
open_stream(const char *model, const char *more)
{
  g_autofree char *properties = g_strdup_printf("model=%s %s", model, more);
  Stream stream = stream_new(properties);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  return stream;
}

static double
score(Stream *stream, guint n, gboolean hole)
{
  g_autoptr(GstBuffer) out = stream_push(stream, stream_frame(stream, n, hole));
  g_assert_false(flag_of(score_of(out), "stale"));
  return number_of(score_of(out), "score");
}

/* Elements that share networks with this one, by its last frame. */
static guint
streams_of(Stream *stream)
{
  g_autoptr(GstStructure) stats = NULL;
  guint streams = 0;
  score(stream, 0, FALSE);
  g_object_get(stream->element, "stats", &stats, NULL);
  g_assert_true(gst_structure_get_uint(stats, "streams", &streams));
  return streams;
}

static char *
copy_of(const char *path, const char *name)
{
  g_autofree char *bytes = NULL;
  gsize size;
  g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
  return test_file_write(name, bytes, size);
}

/* The content decides, not the file; so do the options that change the numbers. */
static void
test_same_networks(void)
{
  g_autofree char *model = test_model_write(SIDE, 1), *twin = copy_of(model, "twin"),
                  *other = test_model_write(SIDE, 2);
  Stream first = open_stream(model, ""), second = open_stream(model, "threshold=3 updates=none");
  Stream copied = open_stream(twin, ""), different = open_stream(other, ""),
         batched = open_stream(model, "batch-size=4");
  g_assert_cmpuint(streams_of(&first), ==, 3);
  g_assert_cmpuint(streams_of(&copied), ==, 3);
  g_assert_cmpuint(streams_of(&different), ==, 1);
  g_assert_cmpuint(streams_of(&batched), ==, 1);
  g_assert_true(score(&first, 3, TRUE) == score(&copied, 3, TRUE));
  stream_clear(&second);
  g_assert_cmpuint(streams_of(&first), ==, 2);
  g_object_set(copied.element, "model", other, NULL);
  g_assert_cmpuint(streams_of(&copied), ==, 2);
  g_assert_cmpuint(streams_of(&first), ==, 1);
  stream_clear(&first);
  stream_clear(&copied);
  stream_clear(&different);
  stream_clear(&batched);
}

/* --- several streams at the same time --------------------------------------------------------------------------- */

typedef struct {
  Stream stream;
  guint number;
  double scores[FRAMES];
} Camera;

static gpointer
run_camera(gpointer data)
{
  Camera *camera = data;
  for (guint i = 0; i < FRAMES; i++)
    camera->scores[i] = score(&camera->stream, 10 * camera->number + i, i % 7 == 3);
  return NULL;
}

/* What the frames of a camera score where it is alone. */
static void
check_scores(const Camera *camera, const char *model, const char *more)
{
  Stream alone = open_stream(model, more);
  for (guint i = 0; i < FRAMES; i++)
    g_assert_true(score(&alone, 10 * camera->number + i, i % 7 == 3) == camera->scores[i]);
  g_assert_cmpuint(streams_of(&alone), ==, 1);
  stream_clear(&alone);
}

/* Runs cameras at the same time. more: properties; meanwhile: called with the last camera's stream, which sends nothing
 * itself; NULL = all send. The scores are then those of each alone. */
static void
run_cameras(const char *more, void (*meanwhile)(Stream *stream))
{
  g_autofree char *model = test_model_write(SIDE, 1);
  Camera cameras[STREAMS];
  GThread *threads[STREAMS];
  const guint n = meanwhile ? STREAMS - 1 : STREAMS;
  for (guint i = 0; i < STREAMS; i++)
    cameras[i] = (Camera){ .stream = open_stream(model, more), .number = i };
  for (guint i = 0; i < n; i++)
    threads[i] = g_thread_new("camera", run_camera, &cameras[i]);
  if (meanwhile)
    meanwhile(&cameras[n].stream);
  for (guint i = 0; i < n; i++)
    g_thread_join(threads[i]);
  for (guint i = 0; i < STREAMS; i++)
    stream_clear(&cameras[i].stream);
  for (guint i = 0; i < n; i++)
    check_scores(&cameras[i], model, more);
}

static void
test_scores(void)
{
  run_cameras("precision=fp32 qos=false", NULL);
}

static void
test_batches(void)
{
  run_cameras("precision=fp32 qos=false batch-size=4 batch-timeout=5", NULL);
}

/* --- a stream that stops, fails or changes its model ------------------------------------------------------------- */

static void
send_one_and_stop(Stream *stream)
{
  score(stream, 0, FALSE);
  g_usleep(20000);
  gst_element_set_state(stream->element, GST_STATE_NULL);
}

/* A stream that sends nothing more, and then is gone, costs the others its timeout at most, and then nothing. */
static void
test_stopped(void)
{
  run_cameras("precision=fp32 qos=false batch-size=6 batch-timeout=5", send_one_and_stop);
  g_autofree char *model = test_model_write(SIDE, 1);
  Stream one = open_stream(model, "batch-size=2 batch-timeout=20000"), silent = open_stream(model, "batch-size=2");
  stream_clear(&silent);
  const gint64 begin = g_get_monotonic_time();
  score(&one, 0, FALSE);
  g_assert_cmpint(g_get_monotonic_time() - begin, <, LONG);
  stream_clear(&one);
}

static void
swap_models(Stream *stream)
{
  g_autofree char *model = test_model_write(SIDE, 1), *other = test_model_write(SIDE, 2);
  for (guint i = 0; i < 40; i++) {
    g_object_set(stream->element, "model", i % 2 ? model : other, NULL);
    score(stream, i % 4, FALSE);
  }
}

static void
test_swaps(void)
{
  run_cameras("precision=fp32 qos=false batch-size=4 batch-timeout=2", swap_models);
}

/* A model file that can't be opened leaves all as it was; one whose numbers overflow ends its own stream alone. */
static void
fail(Stream *stream)
{
  g_autofree char *bad = test_file_write("bad", "no model", 8), *burst = test_model_write_burst(SIDE);
  g_object_set(stream->element, "model", bad, NULL);
  g_autoptr(GstMessage) warning = stream_message(stream, GST_MESSAGE_WARNING);
  g_assert_nonnull(warning);
  score(stream, 1, FALSE);
  g_object_set(stream->element, "model", burst, NULL);
  g_assert_cmpint(gst_harness_push(stream->harness, stream_frame(stream, 2, FALSE)), ==, GST_FLOW_ERROR);
  g_autoptr(GstMessage) error = stream_message(stream, GST_MESSAGE_ERROR);
  g_assert_nonnull(error);
}

static void
test_failed(void)
{
  run_cameras("precision=fp32 qos=false batch-size=4 batch-timeout=2", fail);
}

/* --- live -------------------------------------------------------------------------------------------------------- */

/* Threads of the core */
static guint
count_threads(void)
{
  guint n = 0;
  g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
  for (const char *task; tasks && (task = g_dir_read_name(tasks));) {
    g_autofree char *path = g_build_filename("/proc/self/task", task, "comm", NULL), *name = NULL;
    n += g_file_get_contents(path, &name, NULL, NULL) && g_str_has_prefix(name, "cbigan-");
  }
  return n;
}

/* With mode=async the threads do not grow with the streams, and every stream gets its results. */
static void
test_async(void)
{
  enum { CAMERAS = 24 };
  g_autofree char *model = test_model_write(SIDE, 1);
  Stream streams[CAMERAS];
  for (guint i = 0; i < CAMERAS; i++)
    streams[i] = open_stream(model, "mode=async updates=every-frame batch-size=4 batch-timeout=1");
  for (guint i = 0; i < CAMERAS; i++)
    gst_buffer_unref(stream_push(&streams[i], stream_frame(&streams[i], i % 5, FALSE)));
  for (guint i = 0; i < CAMERAS; i++) {
    g_autoptr(GstMessage) message =
        gst_bus_timed_pop_filtered(streams[i].bus, 30 * GST_SECOND, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_ELEMENT);
  }
  g_assert_cmpuint(count_threads(), <, 2 * g_get_num_processors()); /* that score, and that help them */
  for (guint i = 0; i < CAMERAS; i++)
    stream_clear(&streams[i]);
}

/* An element that may score in a hundredth of the time carries results in the rest; with the whole time it scores all.
 */
static void
test_share(void)
{
  g_autofree char *model = test_model_write(SIDE, 1);
  Stream stream = open_stream(model, "qos=false cpu-share=0.01");
  guint stale = 0;
  for (guint i = 0; i < FRAMES; i++) {
    g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, i, FALSE));
    stale += flag_of(score_of(out), "stale");
  }
  g_assert_cmpuint(stale, >, FRAMES / 2);
  g_object_set(stream.element, "cpu-share", 1.0, NULL);
  for (guint i = 0; i < 3; i++)
    score(&stream, i, FALSE);
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/streams/same-networks", test_same_networks);
  g_test_add_func("/streams/scores", test_scores);
  g_test_add_func("/streams/batches", test_batches);
  g_test_add_func("/streams/stopped", test_stopped);
  g_test_add_func("/streams/swaps", test_swaps);
  g_test_add_func("/streams/failed", test_failed);
  g_test_add_func("/streams/async", test_async);
  g_test_add_func("/streams/share", test_share);
  const int status = g_test_run();
  test_model_cleanup();
  return status;
}
