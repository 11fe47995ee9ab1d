/* test_recalibrate.c - a threshold from frames of the running stream, taken over and saved
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "model/model.h"
#include "stream.h"
#include "test_model.h"

#define SIDE 128
#define N 8

static Stream
open_stream(const char *model, const char *more)
{
  g_autofree char *properties = g_strdup_printf("model=%s updates=none qos=false %s", model, more);
  Stream stream = stream_new(properties);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  return stream;
}

static gboolean
ask(Stream *stream, guint n, const char *path)
{
  gboolean taken = FALSE;
  g_signal_emit_by_name(stream->element, "recalibrate", n, path, &taken);
  return taken;
}

/* Pushes n frames of other cloth. */
static void
push(Stream *stream, guint first, guint n)
{
  for (guint i = first; i < first + n; i++)
    gst_buffer_unref(stream_push(stream, stream_frame(stream, i, FALSE)));
}

/* Waits for the answer (transfer full). */
static GstMessage *
answer(Stream *stream)
{
  GstMessage *message = gst_bus_timed_pop_filtered(stream->bus, 60 * GST_SECOND, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(message);
  g_assert_cmpstr(gst_structure_get_string(gst_message_get_structure(message), "event"), ==, "recalibrated");
  return message;
}

static double
threshold_now(Stream *stream, guint n)
{
  g_autoptr(GstBuffer) out = stream_push(stream, stream_frame(stream, n, FALSE));
  return number_of(score_of(out), "threshold");
}

/* The threshold is that of the frames, the old one until then; the file has it too, and is like the model otherwise. */
static void
test_taken_over(gconstpointer mode)
{
  g_autofree char *model = test_model_write(SIDE, 1), *path = test_file_write("recalibrated.safetensors", "", 0),
                  *property = g_strdup_printf("mode=%s", (const char *)mode);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) before = cbigan_model_load(model, &error);
  g_assert_no_error(error);
  Stream stream = open_stream(model, property);
  g_assert_true(ask(&stream, N, path));
  g_assert_false(ask(&stream, N, path)); /* one at a time */
  g_autoptr(GstMessage) message = NULL;
  for (guint i = 0; i < 10000 && !message; i++) { /* with mode=async not every frame is scored */
    push(&stream, i, 1);
    message = gst_bus_timed_pop_filtered(stream.bus, 10 * GST_MSECOND, GST_MESSAGE_ELEMENT);
  }
  g_assert_nonnull(message);
  const GstStructure *s = gst_message_get_structure(message);
  guint frames = 0;
  g_assert_true(flag_of(s, "done") && flag_of(s, "saved"));
  g_assert_true(gst_structure_get_uint(s, "frames", &frames));
  g_assert_cmpuint(frames, ==, N);
  g_assert_cmpfloat(number_of(s, "previous-threshold"), ==, before->info.threshold);
  g_assert_cmpfloat(number_of(s, "threshold"), !=, before->info.threshold);
  g_object_set(stream.element, "mode", 2 /* sync */, NULL);
  g_assert_cmpfloat(threshold_now(&stream, 1000), ==, number_of(s, "threshold"));
  g_autoptr(CbiganModel) after = cbigan_model_load(path, &error);
  g_assert_no_error(error);
  g_assert_cmpfloat(after->info.threshold, ==, number_of(s, "threshold"));
  g_assert_cmpuint(after->info.n_good_scores, ==, N);
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    g_assert_cmpmem(before->parameters[i], before->networks[i]->n_floats * 4, after->parameters[i],
                    after->networks[i]->n_floats * 4);
  stream_clear(&stream);
}

/* A file that can't be written costs the file alone; the signal save-model says so too. */
static void
test_not_saved(void)
{
  g_autofree char *model = test_model_write(SIDE, 1), *path = test_file_write("saved.safetensors", "", 0);
  gboolean saved = TRUE;
  Stream stream = open_stream(model, "mode=sync");
  g_assert_true(ask(&stream, N, "/nowhere/model.safetensors"));
  push(&stream, 0, N);
  g_autoptr(GstMessage) message = answer(&stream);
  const GstStructure *s = gst_message_get_structure(message);
  g_assert_true(flag_of(s, "done") && !flag_of(s, "saved"));
  g_assert_nonnull(strstr(gst_structure_get_string(s, "error"), "/nowhere/model.safetensors"));
  g_signal_emit_by_name(stream.element, "save-model", "/nowhere/again.safetensors", &saved);
  g_assert_false(saved);
  g_autoptr(GstMessage) warning = stream_message(&stream, GST_MESSAGE_WARNING);
  g_assert_nonnull(warning);
  g_signal_emit_by_name(stream.element, "save-model", path, &saved);
  g_assert_true(saved);
  g_autoptr(CbiganModel) after = cbigan_model_load(path, NULL);
  g_assert_cmpfloat(after->info.threshold, ==, number_of(s, "threshold"));
  stream_clear(&stream);
}

/* Too few frames, frames that don't differ, and an end before enough came leave the model as it is. */
static void
test_failures(void)
{
  g_autofree char *model = test_model_write(SIDE, 1);
  g_autoptr(CbiganModel) before = cbigan_model_load(model, NULL);
  Stream stream = open_stream(model, "mode=sync");
  g_assert_false(ask(&stream, 3, NULL) || ask(&stream, 1000000, NULL));
  g_assert_true(ask(&stream, N, NULL));
  push(&stream, 0, N / 2);
  gst_harness_push_event(stream.harness, gst_event_new_eos());
  g_autoptr(GstMessage) message = answer(&stream);
  const GstStructure *s = gst_message_get_structure(message);
  g_assert_false(flag_of(s, "done"));
  g_assert_cmpstr(gst_structure_get_string(s, "error"), ==, "eos");
  g_assert_cmpfloat(number_of(s, "threshold"), !=, before->info.threshold); /* NaN: it was not measured */
  stream_clear(&stream);
}

/* Without the element running there is nothing to ask. */
static void
test_stopped(void)
{
  g_autoptr(GstElement) element = gst_object_ref_sink(gst_element_factory_make("cbiganscore", NULL));
  gboolean taken = TRUE;
  g_signal_emit_by_name(element, "recalibrate", N, NULL, &taken);
  g_assert_false(taken);
  taken = TRUE;
  g_signal_emit_by_name(element, "save-model", "/nowhere/model.safetensors", &taken);
  g_assert_false(taken);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/recalibrate/sync", "sync", test_taken_over);
  g_test_add_data_func("/recalibrate/async", "async", test_taken_over);
  g_test_add_func("/recalibrate/not-saved", test_not_saved);
  g_test_add_func("/recalibrate/failures", test_failures);
  g_test_add_func("/recalibrate/stopped", test_stopped);
  int failed = g_test_run();
  test_model_cleanup();
  return failed;
}
