/* test_errors.c - files, settings and frames that cbiganscore can't use: one clear message, nothing lost
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <cbigan.h>
#include <math.h>
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define PATIENCE (30 * GST_SECOND)

/* Runs a pipeline that must fail; returns the one error of cbiganscore in it (transfer full). */
static char *
error_of_pipeline(const char *model, const char *caps)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *line = g_strdup_printf("cbigantestsrc num-buffers=2 ! %s ! cbiganscore name=score %s%s ! fakesink",
                                          caps, model ? "model=" : "", model ? model : "");
  g_autoptr(GstElement) pipeline = gst_parse_launch(line, &error);
  g_assert_no_error(error);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_autoptr(GstMessage) first = gst_bus_timed_pop_filtered(bus, PATIENCE, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  g_assert_nonnull(first);
  g_assert_cmpint(GST_MESSAGE_TYPE(first), ==, GST_MESSAGE_ERROR);
  g_assert_cmpstr(GST_OBJECT_NAME(GST_MESSAGE_SRC(first)), ==, "score");
  g_autoptr(GError) posted = NULL;
  gst_message_parse_error(first, &posted, NULL);
  gst_element_get_state(pipeline, NULL, NULL, GST_SECOND);
  for (GstMessage *more; (more = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR)); gst_message_unref(more))
    g_assert_cmpstr(GST_OBJECT_NAME(GST_MESSAGE_SRC(more)), !=,
                    "score"); /* a source adds its own to a stopped stream */
  g_assert_cmpint(gst_element_set_state(pipeline, GST_STATE_NULL), ==, GST_STATE_CHANGE_SUCCESS);
  g_test_message("%s", posted->message);
  return g_strdup(posted->message);
}

static void
check_refused(const char *path)
{
  g_autofree char *message = error_of_pipeline(path, "video/x-raw,width=64,height=64"),
                  *name = g_path_get_basename(path);
  g_assert_nonnull(strstr(message, name));
}

static void
test_bad_files(void)
{
  static const char text[] = "this is not a model\n", zeros[4096] = { 0 };
  const guint8 huge[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, '{', '}' };
  g_autofree char *empty = test_file_write("empty.safetensors", "", 0),
                  *words = test_file_write("text.safetensors", text, sizeof text);
  g_autofree char *nulls = test_file_write("zeros.safetensors", zeros, sizeof zeros);
  g_autofree char *header = test_file_write("huge.safetensors", huge, sizeof huge), *folder = g_path_get_dirname(empty);
  check_refused("/nonexistent/cloth.safetensors");
  check_refused(empty);
  check_refused(words);
  check_refused(nulls);
  check_refused(header);
  check_refused(folder);
}

static void
test_truncated_files(void)
{
  g_autofree char *good = test_model_write(64, 1), *data = NULL;
  gsize size;
  g_assert_true(g_file_get_contents(good, &data, &size, NULL));
  const gsize lengths[] = { 1, 7, 8, 9, 100, size / 2, size - 4, size - 1 };
  for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
    g_autofree char *path = test_file_write("truncated.safetensors", data, lengths[i]);
    check_refused(path);
  }
}

static void
test_no_model(void)
{
  g_autofree char *message = error_of_pipeline(NULL, "video/x-raw,width=64,height=64");
  g_assert_nonnull(strstr(message, "model"));
}

static void
test_small_frame(void)
{
  g_autofree char *model = test_model_write(0, 1),
                  *message = error_of_pipeline(model, "video/x-raw,width=70,height=63");
  g_assert_nonnull(strstr(message, "70x63"));
  g_assert_nonnull(strstr(message, "64x64"));
}

/* A buffer that is too short for its caps. */
static void
test_short_buffer(void)
{
  g_autofree char *model = test_model_write(64, 1), *properties = g_strdup_printf("model=%s", model);
  Stream stream = stream_new(properties);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 64, 64);
  g_assert_cmpint(gst_harness_push(stream.harness, gst_buffer_new_allocate(NULL, 100, NULL)), ==, GST_FLOW_ERROR);
  g_autoptr(GstMessage) message = stream_message(&stream, GST_MESSAGE_ERROR),
                        more = stream_message(&stream, GST_MESSAGE_ERROR);
  g_assert_nonnull(message);
  g_assert_null(more);
  stream_clear(&stream);
}

static double
score_again(Stream *stream)
{
  g_autoptr(GstBuffer) out = stream_push(stream, stream_frame(stream, 1, FALSE));
  return number_of(score_of(out), "score");
}

/* A value that can't be opened makes one warning; the property and the scores stay. */
static void
check_refused_setting(Stream *stream, const char *property, const char *value)
{
  double before = score_again(stream);
  g_autofree char *old = NULL, *now = NULL;
  GValue shown = G_VALUE_INIT;
  g_object_get_property(G_OBJECT(stream->element), property, &shown);
  old = gst_value_serialize(&shown);
  g_value_unset(&shown);
  gst_util_set_object_arg(G_OBJECT(stream->element), property, value);
  g_autoptr(GstMessage) warning = stream_message(stream, GST_MESSAGE_WARNING),
                        more = stream_message(stream, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR);
  g_assert_nonnull(warning);
  g_assert_null(more);
  g_autoptr(GError) error = NULL;
  gst_message_parse_warning(warning, &error, NULL);
  g_test_message("%s=%s: %s", property, value, error->message);
  g_object_get_property(G_OBJECT(stream->element), property, &shown);
  now = gst_value_serialize(&shown);
  g_value_unset(&shown);
  g_assert_cmpstr(now, ==, old);
  g_assert_true(score_again(stream) == before);
}

static void
test_swap(void)
{
  g_autofree char *first = test_model_write(64, 1), *second = test_model_write(128, 2),
                  *native = test_model_write(0, 1);
  g_autofree char *bad = test_file_write("bad.safetensors", "?", 1), *properties = g_strdup_printf("model=%s", first);
  Stream stream = stream_new(properties);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_NV12, 70, 60);
  check_refused_setting(&stream, "model", "/nonexistent/cloth.safetensors");
  check_refused_setting(&stream, "model", bad);
  check_refused_setting(&stream, "model", native); /* the stream is smaller than its patch */
  check_refused_setting(&stream, "backend", "abacus");
  check_refused_setting(&stream, "precision", "fp16"); /* only GPUs have it */

  double before = score_again(&stream);
  g_object_set(stream.element, "model", second, NULL);
  g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, 1, FALSE));
  g_assert_cmpstr(gst_structure_get_string(score_of(out), "model"), ==, second);
  g_assert_false(number_of(score_of(out), "score") == before);
  g_object_set(stream.element, "model", first, "backend", "reference", NULL);
  g_assert_cmpfloat(ABS(score_again(&stream) / before - 1), <, 1e-3);
  check_refused_setting(&stream, "precision", "bf16"); /* "reference" has none */
  g_assert_null(stream_message(&stream, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR));
  stream_clear(&stream);
}

/* A model without statistics has only Eq. 7: no threshold, so no verdict, heat map or overlay. */
static void
test_bare_model(void)
{
  g_autofree char *model = test_model_write_bare(64, 3), *properties = g_strdup_printf("model=%s", model);
  Stream stream = stream_new(properties);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 64, 64);
  check_refused_setting(&stream, "score", "critic");
  check_refused_setting(&stream, "score", "calibrated");
  g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, 1, TRUE));
  g_assert_cmpfloat(number_of(score_of(out), "score"), >, 0);
  g_assert_true(isnan(number_of(score_of(out), "normalized")));
  g_assert_false(flag_of(score_of(out), "anomalous"));
  g_assert_false(gst_structure_has_field(score_of(out), "heatmap"));
  g_assert_null(gst_buffer_get_video_overlay_composition_meta(out));
  stream_clear(&stream);
}

static char *logged;

static void
log_choice(GstDebugCategory *category, GstDebugLevel level, const char *file, const char *function, int line,
           GObject *object, GstDebugMessage *message, gpointer unused)
{
  if (strstr(gst_debug_message_get(message), "backend=auto")) {
    g_free(logged);
    logged = g_strdup(gst_debug_message_get(message));
  }
}

/* The log names the chosen backend and why the others were not chosen. */
static void
test_auto_backend(void)
{
  g_autofree char *model = test_model_write(64, 1), *properties = g_strdup_printf("model=%s", model),
                  *asked = g_strdup_printf("%s backend=cpu", properties), *why = cbigan_backend_unavailable("cuda");
  g_autofree char *cuda = g_strdup_printf("; cuda: %s;", why ? why : "comes behind it, so it must be asked for");
  gst_debug_set_threshold_for_name("cbiganscore", GST_LEVEL_INFO);
  gst_debug_add_log_function(log_choice, NULL, NULL);
  Stream stream = stream_new(asked);
  stream_clear(&stream);
  g_assert_null(logged);
  stream = stream_new(properties);
  stream_clear(&stream);
  gst_debug_remove_log_function(log_choice);
  gst_debug_unset_threshold_for_name("cbiganscore");
  g_assert_nonnull(logged);
  g_test_message("%s", logged);
  g_assert_true(g_str_has_prefix(logged, "backend=auto took cpu; "));
  g_assert_nonnull(strstr(logged, cuda));
  g_assert_nonnull(strstr(logged, "; reference: comes behind it, so it must be asked for"));
  g_clear_pointer(&logged, g_free);
}

typedef struct {
  GstElement *element;
  char *models[3];
  gint stop;
} Swapper;

static gpointer
keep_swapping(gpointer data)
{
  Swapper *self = data;
  for (guint i = 0; !g_atomic_int_get(&self->stop); i++)
    g_object_set(self->element, "model", self->models[i % 3], "threshold", (double)(i % 5), "updates", (int)(i % 5),
                 NULL);
  return NULL;
}

/* Another thread swaps models, one of them missing, while frames are scored and the format changes. */
static void
test_swap_meanwhile(void)
{
  g_autofree char *a = test_model_write(64, 1), *b = test_model_write(128, 2),
                  *properties = g_strdup_printf("model=%s", a);
  Stream stream = stream_new(properties);
  Swapper swapper = { stream.element, { a, b, "/nonexistent" }, 0 };
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 64, 64);
  GThread *thread = g_thread_new("swapper", keep_swapping, &swapper);
  for (guint i = 0; i < 40; i++) {
    if (i % 10 == 9)
      stream_set_caps(&stream, i % 20 == 9 ? GST_VIDEO_FORMAT_I420 : GST_VIDEO_FORMAT_RGB, 64 + (int)i, 64);
    g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, i, FALSE));
    g_assert_cmpfloat(number_of(score_of(out), "score"), >, 0);
  }
  g_atomic_int_set(&swapper.stop, 1);
  g_thread_join(thread);
  g_assert_null(stream_message(&stream, GST_MESSAGE_ERROR));
  stream_clear(&stream);
}

/* Pictures that are to be shown turned are scored as they lie, and a warning says what to do. */
static void
test_orientation(void)
{
  static const struct {
    const char *orientation;
    gboolean warned;
  } rows[] = { { "rotate-0", FALSE }, { "rotate-90", TRUE }, { "flip-rotate-180", TRUE } };
  g_autofree char *model = test_model_write(64, 1), *properties = g_strdup_printf("model=%s", model);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    Stream stream = stream_new(properties);
    stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 64, 64);
    gst_harness_push_event(stream.harness,
                           gst_event_new_tag(gst_tag_list_new(GST_TAG_IMAGE_ORIENTATION, rows[i].orientation, NULL)));
    g_autoptr(GstMessage) warning = stream_message(&stream, GST_MESSAGE_WARNING);
    g_assert_cmpint(warning != NULL, ==, rows[i].warned);
    stream_clear(&stream);
  }
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/errors/orientation", test_orientation);
  g_test_add_func("/errors/bad-files", test_bad_files);
  g_test_add_func("/errors/truncated-files", test_truncated_files);
  g_test_add_func("/errors/no-model", test_no_model);
  g_test_add_func("/errors/small-frame", test_small_frame);
  g_test_add_func("/errors/short-buffer", test_short_buffer);
  g_test_add_func("/errors/swap", test_swap);
  g_test_add_func("/errors/bare-model", test_bare_model);
  g_test_add_func("/errors/auto-backend", test_auto_backend);
  g_test_add_func("/errors/swap-meanwhile", test_swap_meanwhile);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
