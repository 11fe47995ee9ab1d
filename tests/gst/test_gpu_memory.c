/* test_gpu_memory.c - cbiganscore and video in GPU memory, in pipelines with GStreamer's own elements
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Without a GPU the pipelines are skipped, and the element must work on system memory and name the reason. The file
 * tests/cuda/test_gpu_video.c runs the same on the emulated GPU.
 */
#include <cbigan.h>
#include <math.h>
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define PATIENCE (60 * GST_SECOND)
#define FRAMES 4

static GstCaps *
gpu_caps(void)
{
  return gst_caps_from_string("video/x-raw(memory:CUDAMemory),format=NV12,width=64,height=64,framerate=25/1");
}

/* The reason why video in GPU memory can't be scored here (transfer full), or NULL. */
static char *
why_not(void)
{
  g_autoptr(GstElementFactory) factory = gst_element_factory_find("cbiganscore");
  g_autoptr(GstElement) element = gst_object_ref_sink(gst_element_factory_make("cbiganscore", NULL));
  g_autoptr(GstPad) pad = gst_element_get_static_pad(element, "sink");
  g_autoptr(GstCaps) possible = gst_pad_get_pad_template_caps(pad), caps = gpu_caps();
  const char *said = gst_element_get_metadata(element, "gpu-memory");
  g_assert_nonnull(said);
  g_assert_cmpint(gst_caps_can_intersect(possible, caps), ==, g_str_equal(said, "Video in it can be scored here"));
  return gst_caps_can_intersect(possible, caps) ? NULL : g_strdup(said);
}

static char *logged;

static void
log_warning(GstDebugCategory *category, GstDebugLevel level, const char *file, const char *function, int line,
            GObject *object, GstDebugMessage *message, gpointer unused)
{
  if (level == GST_LEVEL_WARNING && g_str_equal(gst_debug_category_get_name(category), "cbiganscore")) {
    g_free(logged);
    logged = g_strdup(gst_debug_message_get(message));
  }
}

/* Video in GPU memory is refused in words; video in system memory is scored. */
static void
test_refused(void)
{
  g_autofree char *why = why_not(), *model = test_model_write(64, 1), *properties = g_strdup_printf("model=%s", model);
  if (!why) {
    g_test_skip("video in GPU memory can be scored here");
    return;
  }
  g_test_message("%s", why);
  if (g_strcmp0(g_getenv("CBIGAN_TEST_MODULE"), "missing") == 0)
    g_assert_nonnull(strstr(why, "there is no libcbigan-cuda-video.so in /nowhere"));
  Stream stream = stream_new(properties);
  g_autoptr(GstPad) pad = gst_element_get_static_pad(stream.element, "sink");
  g_autoptr(GstCaps) caps = gpu_caps();
  gst_debug_set_threshold_for_name("cbiganscore", GST_LEVEL_WARNING);
  gst_debug_add_log_function(log_warning, NULL, NULL);
  g_assert_false(gst_pad_query_accept_caps(pad, caps));
  gst_debug_remove_log_function(log_warning);
  g_assert_nonnull(logged);
  const char *reason = strstr(why, ": ");
  g_assert_true(reason && strstr(logged, reason));
  stream_set_caps(&stream, GST_VIDEO_FORMAT_NV12, 64, 64);
  g_autoptr(GstBuffer) out = stream_push(&stream, stream_frame(&stream, 0, FALSE));
  g_assert_cmpfloat(number_of(score_of(out), "score"), >, 0);
  stream_clear(&stream);
  g_clear_pointer(&logged, g_free);
}

/* backend=cuda where it can't run makes an error that says why. */
static void
test_no_cuda_backend(void)
{
  g_autofree char *why = cbigan_backend_unavailable("cuda"), *model = test_model_write(64, 1);
  g_autofree char *line = g_strdup_printf("cbiganscore backend=cuda model=%s", model);
  if (!why) {
    g_test_skip("the backend can run here");
    return;
  }
  g_autoptr(GstElement) element = gst_object_ref_sink(gst_parse_launch(line, NULL));
  g_autoptr(GstBus) bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  g_assert_cmpint(gst_element_set_state(element, GST_STATE_PLAYING), ==, GST_STATE_CHANGE_FAILURE);
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR | GST_MESSAGE_NEED_CONTEXT);
  g_autoptr(GError) error = NULL;
  g_assert_nonnull(message);
  gst_message_parse_error(message, &error, NULL);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, why));
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, NULL);
}

/* FALSE: an element or the GPU is missing, and the test is skipped. */
static gboolean
have(const char *const *elements)
{
  g_autofree char *why = why_not();
  for (; !why && *elements; elements++) {
    g_autoptr(GstElementFactory) factory = gst_element_factory_find(*elements);
    if (!factory)
      why = g_strdup_printf("there is no element %s (Debian: gstreamer1.0-plugins-bad)", *elements);
  }
  if (why)
    g_test_skip(why);
  return !why;
}

/* Runs `line` to its end; cbiganscore in it posts a message for every frame. */
static void
run_scores(const char *line, double scores[FRAMES])
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GstElement) pipeline = gst_parse_launch(line, &error);
  g_assert_no_error(error);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  guint n = 0;
  for (gboolean running = TRUE; running;) {
    g_autoptr(GstMessage) message =
        gst_bus_timed_pop_filtered(bus, PATIENCE, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    g_assert_nonnull(message);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      gst_message_parse_error(message, &error, NULL);
      g_error("%s: %s", line, error->message);
    }
    running = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT;
    if (gst_message_has_name(message, "cbigan") && n < FRAMES)
      scores[n++] = number_of(gst_message_get_structure(message), "score");
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  g_assert_cmpuint(n, ==, FRAMES);
}

static void
test_upload(void)
{
  static const char *const elements[] = { "cudaupload", "cudadownload", "videoconvert", NULL };
  static const char *const formats[] = { "NV12", "P010_10LE", "I420", "YV12", "RGBA",
                                         "RGBx", "BGRA",      "BGRx", "RGB",  "BGR" };
  if (!have(elements))
    return;
  g_autofree char *model = test_model_write(64, 1);
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    double system[FRAMES], gpu[FRAMES];
    g_autofree char *source =
        g_strdup_printf("cbigantestsrc num-buffers=%d seed=3 defects=1 ! videoconvert dither=none ! "
                        "video/x-raw,format=%s,width=%d,height=%d,framerate=25/1",
                        FRAMES, formats[i], i % 2 ? 101 : 640, i % 2 ? 77 : 360);
    g_autofree char *score = g_strdup_printf("cbiganscore model=%s threads=1 qos=false updates=every-frame", model);
    g_autofree char *there = g_strdup_printf("%s ! cudaupload ! %s ! cudadownload ! fakesink", source, score);
    g_autofree char *here = g_strdup_printf("%s ! %s ! fakesink", source, score);
    run_scores(here, system);
    run_scores(there, gpu);
    for (guint k = 0; k < FRAMES; k++) {
      g_test_message("%s, frame %u: system memory %.17g, GPU memory %.17g", formats[i], k, system[k], gpu[k]);
      if (gpu[k] != system[k])
        g_test_fail();
    }
  }
}

/* Frames that are scored in GPU memory have about the scores of the processor. */
static void
test_cuda_backend(void)
{
  static const char *const elements[] = { "cudaupload", "videoconvert", NULL };
  g_autofree char *why = cbigan_backend_unavailable("cuda"), *model = test_model_write(64, 1);
  double scores[2][FRAMES];
  if (!have(elements))
    return;
  if (why) {
    g_test_skip(why);
    return;
  }
  for (int gpu = 0; gpu < 2; gpu++) {
    g_autofree char *line = g_strdup_printf(
        "cbigantestsrc num-buffers=%d seed=3 defects=1 ! videoconvert dither=none ! "
        "video/x-raw,format=NV12,width=640,height=360,framerate=25/1 ! %s cbiganscore model=%s backend=%s "
        "qos=false updates=every-frame ! fakesink",
        FRAMES, gpu ? "cudaupload !" : "", model, gpu ? "cuda" : "cpu");
    run_scores(line, scores[gpu]);
  }
  for (guint k = 0; k < FRAMES; k++) {
    g_test_message("frame %u: cpu %.9g, cuda %.9g", k, scores[0][k], scores[1][k]);
    g_assert_cmpfloat(fabs(scores[1][k] - scores[0][k]), <=, 1e-4 * scores[0][k]);
  }
}

/* A decoder's frames in GPU memory score as its frames in system memory. */
static void
test_decoder(void)
{
  static const char *const elements[] = { "nvh264enc", "h264parse", "nvh264dec", "cudadownload", NULL };
  if (!have(elements))
    return;
  g_autofree char *model = test_model_write(64, 1);
  double system[FRAMES], gpu[FRAMES];
  static const char *const ways[] = { "cudadownload !", "" };
  for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
    g_autofree char *line = g_strdup_printf(
        "cbigantestsrc num-buffers=%d seed=3 defects=1 ! videoconvert ! "
        "video/x-raw,format=NV12,width=640,height=368,framerate=25/1 ! nvh264enc ! h264parse ! nvh264dec ! "
        "video/x-raw(memory:CUDAMemory) ! %s cbiganscore model=%s threads=1 qos=false updates=every-frame ! fakesink",
        FRAMES, ways[i], model);
    run_scores(line, i ? gpu : system);
  }
  for (guint k = 0; k < FRAMES; k++)
    g_assert_cmpfloat(gpu[k], ==, system[k]);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/no-gpu-memory/refused", test_refused);
  g_test_add_func("/no-gpu-memory/cuda-backend", test_no_cuda_backend);
  g_test_add_func("/gpu-memory/upload", test_upload);
  g_test_add_func("/gpu-memory/cuda-backend", test_cuda_backend);
  g_test_add_func("/gpu-memory/decoder", test_decoder);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
