/* test_gpu_context.c - the CUDA context that cbiganscore shares with its neighbours, on the emulated GPU
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The emulator stops the program where memory or a stream is used in another context than its own, and where a context
 * is given up that is still in use. Contexts are mostly of device 1, so that taking the first device would show.
 */
#define GST_USE_UNSTABLE_API
#include <gst/base/gstbasetransform.h>
#include <gst/cuda/gstcudautils.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/cuda_video.h"
#include "gpu_stream.h"
#include "gstcuda.h"
#include "test_model.h"

#define SIDE 64

/* A cbiganscore between two pads of the test; a GstHarness would bring it to PLAYING at once. */
typedef struct {
  GstElement *element;
  GstBus *bus;
  GstPad *src, *sink;     /* the test's, linked to the element */
  GstObject *neighbour;   /* the CUDA context that src answers queries with; NULL: none */
  GstObject *application; /* the context that the application sets when one is needed; NULL: none */
  guint n_needed, n_had;  /* NEED_CONTEXT and HAVE_CONTEXT messages */
  GstVideoInfo info;
  GstBuffer *out;
} Line;

static gboolean
answer_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
  Line *line = gst_pad_get_element_private(pad);
  if (GST_QUERY_TYPE(query) != GST_QUERY_CONTEXT || !line->neighbour)
    return gst_pad_query_default(pad, parent, query);
  return gst_cuda_handle_context_query(line->element, query, GST_CUDA_CONTEXT(line->neighbour));
}

static GstFlowReturn
take_buffer(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Line *line = gst_pad_get_element_private(pad);
  gst_buffer_replace(&line->out, NULL);
  line->out = buffer;
  return GST_FLOW_OK;
}

static GstBusSyncReply
hear(GstBus *bus, GstMessage *message, gpointer data)
{
  Line *line = data;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_HAVE_CONTEXT)
    line->n_had++;
  else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_NEED_CONTEXT)
    line->n_needed++;
  else
    return GST_BUS_PASS;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_NEED_CONTEXT && line->application) {
    g_autoptr(GstContext) context = gst_context_new_cuda_context(GST_CUDA_CONTEXT(line->application));
    gst_element_set_context(line->element, context);
  }
  gst_message_unref(message); /* so the bus holds no context either */
  return GST_BUS_DROP;
}

static GstElement *
element_new(const char *properties)
{
  g_autofree char *model = test_model_write(SIDE, 1);
  g_autofree char *text = g_strdup_printf("cbiganscore model=%s threads=1 %s", model, properties);
  g_autoptr(GError) error = NULL;
  GstElement *element = gst_parse_launch(text, &error);
  g_assert_no_error(error);
  return gst_object_ref_sink(element);
}

static void
link_pads(GstPad *src, GstPad *sink)
{
  g_assert_cmpint(gst_pad_link_full(src, sink, GST_PAD_LINK_CHECK_NOTHING), ==, GST_PAD_LINK_OK);
}

static GstPad *
pad_new(Line *line, GstPadDirection direction)
{
  GstPad *pad = gst_object_ref_sink(gst_pad_new(NULL, direction));
  gst_pad_set_element_private(pad, line);
  gst_pad_set_query_function(pad, answer_query);
  if (direction == GST_PAD_SINK)
    gst_pad_set_chain_function(pad, take_buffer);
  gst_pad_set_active(pad, TRUE);
  return pad;
}

/* The line is not running yet; line_run() starts it. */
static Line *
line_new(const char *properties)
{
  Line *line = g_new0(Line, 1);
  line->element = element_new(properties);
  line->bus = gst_bus_new();
  gst_bus_set_sync_handler(line->bus, hear, line, NULL);
  gst_element_set_bus(line->element, line->bus);
  line->src = pad_new(line, GST_PAD_SRC);
  line->sink = pad_new(line, GST_PAD_SINK);
  link_pads(line->src, GST_BASE_TRANSFORM_SINK_PAD(line->element));
  link_pads(GST_BASE_TRANSFORM_SRC_PAD(line->element), line->sink);
  gst_video_info_set_format(&line->info, GST_VIDEO_FORMAT_NV12, 128, 96);
  line->info.fps_n = 25;
  line->info.fps_d = 1;
  return line;
}

static void
line_run(Line *line)
{
  g_assert_cmpint(gst_element_set_state(line->element, GST_STATE_PLAYING), ==, GST_STATE_CHANGE_SUCCESS);
}

static void
line_free(Line *line)
{
  gst_element_set_state(line->element, GST_STATE_NULL);
  gst_element_set_bus(line->element, NULL);
  gst_pad_set_active(line->src, FALSE);
  gst_pad_set_active(line->sink, FALSE);
  gst_object_unref(line->src);
  gst_object_unref(line->sink);
  gst_object_unref(line->element);
  gst_bus_set_flushing(line->bus, TRUE);
  gst_object_unref(line->bus);
  gst_buffer_replace(&line->out, NULL);
  g_free(line);
}

static void
send_caps(Line *line, GstCaps *caps)
{
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  g_assert_true(gst_pad_push_event(line->src, gst_event_new_stream_start("test")));
  g_assert_true(gst_pad_push_event(line->src, gst_event_new_caps(caps)));
  g_assert_true(gst_pad_push_event(line->src, gst_event_new_segment(&segment)));
  gst_caps_unref(caps);
}

static GstFlowReturn
push_frame(Line *line, guint n, GstObject *context)
{
  const Stream picture = { .info = line->info };
  GstBuffer *frame = stream_frame(&picture, n, n % 2);
  if (!context)
    return gst_pad_push(line->src, frame);
  GstBuffer *gpu = gpu_buffer_new(&line->info, frame, context, n % 2);
  gst_buffer_unref(frame);
  return gst_pad_push(line->src, gpu);
}

static double
score_frame(Line *line, guint n, GstObject *context)
{
  gpointer current = emulated_current_context();
  g_assert_cmpint(push_frame(line, n, context), ==, GST_FLOW_OK);
  g_assert_true(emulated_current_context() == current);
  return number_of(score_of(line->out), "score");
}

/* Frames in that context must have the same scores as in system memory. */
static void
check_scores(Line *line, GstObject *context)
{
  double expected[2];
  Line *system = line_new("backend=cuda");
  line_run(system);
  send_caps(system, gst_video_info_to_caps(&system->info));
  for (guint n = 0; n < 2; n++)
    expected[n] = score_frame(system, n, NULL);
  line_free(system);
  send_caps(line, gpu_caps_new(&line->info));
  for (guint n = 0; n < 2; n++)
    g_assert_cmpfloat(score_frame(line, n, context), ==, expected[n]);
}

/* The context that the element tells its neighbours of (transfer full); NULL: none */
static GstObject *
told_context(Line *line)
{
  g_autoptr(GstQuery) query = gst_query_new_context(GST_CUDA_CONTEXT_TYPE);
  GstContext *context = NULL;
  GstObject *cuda = NULL;
  if (!gst_pad_peer_query(line->sink, query))
    return NULL;
  gst_query_parse_context(query, &context);
  gst_structure_get(gst_context_get_structure(context), GST_CUDA_CONTEXT_TYPE, GST_TYPE_CUDA_CONTEXT, &cuda, NULL);
  return cuda;
}

static void
check_told(Line *line, GstObject *expected)
{
  g_autoptr(GstObject) told = told_context(line);
  g_assert_true(told == expected);
}

/* The element tells its neighbours of the context, and computes in it. */
static void
check_runs_in(Line *line, GstObject *context)
{
  check_told(line, context);
  g_assert_true(emulated_context_is_used(context));
}

static guint n_on_device;

static void
log_place(GstDebugCategory *category, GstDebugLevel level, const char *file, const char *function, int line,
          GObject *object, GstDebugMessage *message, gpointer unused)
{
  n_on_device += g_str_has_suffix(gst_debug_message_get(message), "in the GPU's memory");
}

/* As check_scores(), and checks how many of the RGB frames stay on the device: none of those from system memory. */
static void
check_place(Line *line, GstObject *context, guint on_device)
{
  gst_debug_set_threshold_for_name("cbiganscore", GST_LEVEL_LOG);
  gst_debug_add_log_function(log_place, NULL, NULL);
  n_on_device = 0;
  check_scores(line, context);
  gst_debug_remove_log_function(log_place);
  gst_debug_unset_threshold_for_name("cbiganscore");
  g_assert_cmpuint(n_on_device, ==, on_device);
}

static guint
device_of(GstObject *context)
{
  guint device;
  g_object_get(context, "cuda-device-id", &device, NULL);
  return device;
}

/* Contexts in use, once they stay as many: threads that end give theirs back a little after an element. */
static guint
settled_contexts(void)
{
  guint n = emulated_contexts();
  for (int quiet = 0; quiet < 10; quiet = n == emulated_contexts() ? quiet + 1 : 0, n = emulated_contexts())
    g_usleep(10000);
  return n;
}

static void
test_neighbour(void)
{
  g_autoptr(GstObject) context = emulated_context_new(1);
  const guint contexts = settled_contexts();
  Line *line = line_new("backend=cuda");
  check_told(line, NULL);
  line->neighbour = context;
  line_run(line);
  line->neighbour = NULL; /* or it would answer queries that the element passes on */
  check_runs_in(line, context);
  g_assert_cmpuint(line->n_needed + line->n_had, ==, 0);
  g_assert_cmpuint(emulated_contexts(), ==, contexts);
  check_place(line, context, 2);
  line_free(line);
}

static void
test_application(void)
{
  g_autoptr(GstObject) context = emulated_context_new(1);
  const guint contexts = settled_contexts();
  Line *line = line_new("backend=cuda device-id=1");
  line->application = context;
  line_run(line);
  check_runs_in(line, context);
  g_assert_cmpuint(line->n_needed, ==, 1);
  g_assert_cmpuint(line->n_had, ==, 0);
  g_assert_cmpuint(emulated_contexts(), ==, contexts);
  check_scores(line, context);
  line_free(line);
}

/* The application sets a context before each run. As GStreamer's elements do, cbiganscore forgets it after a run. */
static void
test_set_context(void)
{
  g_autoptr(GstObject) context = emulated_context_new(1);
  g_autoptr(GstContext) given = gst_context_new_cuda_context(GST_CUDA_CONTEXT(context)), other = NULL;
  Line *line = line_new("backend=cuda");
  other = gst_context_new("somebody.else", TRUE);
  for (int i = 0; i < 2; i++) {
    gst_element_set_context(line->element, other);
    check_told(line, NULL);
    gst_element_set_context(line->element, given);
    check_told(line, context);
    g_assert_false(emulated_context_is_used(context));
    line_run(line);
    check_runs_in(line, context);
    g_assert_cmpuint(line->n_needed, ==, 0);
    check_scores(line, context);
    g_assert_cmpint(gst_element_set_state(line->element, GST_STATE_READY), ==, GST_STATE_CHANGE_SUCCESS);
    check_told(line, NULL);
    gst_buffer_replace(&line->out, NULL);
  }
  line_free(line);
}

/* If nobody has a context, the element makes one, announces it, and frees it in the end. */
static void
test_own(void)
{
  const guint contexts = settled_contexts();
  Line *line = line_new("backend=cuda device-id=1");
  for (int i = 0; i < 2; i++) {
    line_run(line);
    g_autoptr(GstObject) own = told_context(line);
    g_assert_nonnull(own);
    check_runs_in(line, own);
    g_assert_cmpuint(device_of(own), ==, 1);
    g_assert_cmpuint(line->n_needed, ==, i + 1);
    g_assert_cmpuint(line->n_had, ==, i + 1);
    check_scores(line, own);
    gst_element_set_state(line->element, GST_STATE_READY);
  }
  line_free(line);
  g_assert_cmpuint(settled_contexts(), ==, contexts);
}

/* A context of another device than the wanted one is refused, whoever offers it. Its frames are scored. */
static void
test_other_device(void)
{
  g_autoptr(GstObject) context = emulated_context_new(0);
  g_autoptr(GstContext) given = gst_context_new_cuda_context(GST_CUDA_CONTEXT(context));
  Line *line = line_new("backend=cuda device-id=1");
  line->neighbour = line->application = context;
  gst_element_set_context(line->element, given);
  line_run(line);
  g_autoptr(GstObject) own = told_context(line);
  g_assert_cmpuint(device_of(own), ==, 1);
  check_place(line, context, 0);
  line_free(line);
}

/* Frames of another context of the same device are copied to the host. */
static void
test_other_context(void)
{
  g_autoptr(GstObject) context = emulated_context_new(1), other = emulated_context_new(1);
  Line *line = line_new("backend=cuda");
  line->neighbour = context;
  line_run(line);
  check_place(line, other, 0);
  check_told(line, context);
  for (guint n = 0; n < 4; n++)
    score_frame(line, n, n % 2 ? context : other);
  line_free(line);
}

/* The device may change while the element plays. */
static void
test_change(void)
{
  g_autoptr(GstObject) context = emulated_context_new(0);
  Line *line = line_new("backend=cuda");
  line->neighbour = context;
  line_run(line);
  check_scores(line, context);
  g_object_set(line->element, "device-id", 1, NULL);
  g_autoptr(GstObject) own = told_context(line);
  g_assert_cmpuint(device_of(own), ==, 1);
  score_frame(line, 2, own);
  score_frame(line, 3, context);
  g_object_set(line->element, "device-id", 9, NULL); /* refused, so the element goes on with device 1 */
  g_autoptr(GstMessage) warning = gst_bus_pop_filtered(line->bus, GST_MESSAGE_WARNING);
  g_autoptr(GError) error = NULL;
  g_assert_nonnull(warning);
  gst_message_parse_warning(warning, &error, NULL);
  g_assert_nonnull(strstr(error->message, "there is no GPU 9, only 0 to 1"));
  score_frame(line, 4, own);
  g_autoptr(GstObject) after = told_context(line);
  g_assert_true(after == own); /* neighbours are still told of it */
  g_object_set(line->element, "backend", "cpu", NULL);
  score_frame(line, 5, own);
  line_free(line);
}

/* After a change of the device the old scorer still holds the old context, until the next frame. */
static void
test_change_own(void)
{
  const guint contexts = settled_contexts();
  Line *line = line_new("backend=cuda device-id=0");
  line_run(line);
  send_caps(line, gst_video_info_to_caps(&line->info));
  for (guint n = 0; n < 4; n++) {
    score_frame(line, n, NULL);
    g_assert_cmpuint(emulated_contexts(), ==, contexts + 1);
    g_object_set(line->element, "device-id", 1 - (int)(n % 2), NULL);
    g_assert_cmpuint(emulated_contexts(), ==, contexts + 2);
  }
  line_free(line);
  g_assert_cmpuint(settled_contexts(), ==, contexts);
}

/* Scoring on the CPU needs no context; frames are converted in their own. */
static void
test_processor(void)
{
  static const char *const properties[] = { "", "backend=auto", "backend=cpu", "backend=reference" };
  g_autoptr(GstObject) context = emulated_context_new(1);
  const guint contexts = settled_contexts();
  for (guint i = 0; i < G_N_ELEMENTS(properties); i++) {
    Line *line = line_new(properties[i]);
    line_run(line);
    check_told(line, NULL);
    send_caps(line, gpu_caps_new(&line->info));
    score_frame(line, 0, context);
    g_assert_cmpuint(line->n_needed + line->n_had, ==, 0);
    g_assert_cmpuint(emulated_contexts(), ==, contexts);
    line_free(line);
  }
}

/* The last element of a pipeline starts first, and the others ask it for its context. */
static void
test_two_elements(void)
{
  const guint contexts = settled_contexts();
  Line *first = line_new("backend=cuda"), *second = line_new("backend=cuda");
  gst_pad_unlink(GST_BASE_TRANSFORM_SRC_PAD(first->element), first->sink);
  gst_pad_unlink(second->src, GST_BASE_TRANSFORM_SINK_PAD(second->element));
  link_pads(GST_BASE_TRANSFORM_SRC_PAD(first->element), GST_BASE_TRANSFORM_SINK_PAD(second->element));
  line_run(second);
  line_run(first);
  g_autoptr(GstObject) shared = told_context(second);
  g_assert_nonnull(shared);
  g_assert_cmpuint(emulated_contexts(), ==, contexts + 1);
  g_assert_cmpuint(first->n_needed, ==, 0);
  send_caps(first, gpu_caps_new(&first->info));
  for (guint n = 0; n < 2; n++)
    g_assert_cmpint(push_frame(first, n, shared), ==, GST_FLOW_OK);
  g_assert_nonnull(second->out);
  gst_element_set_state(first->element, GST_STATE_NULL);
  line_free(second);
  line_free(first);
}

static void
lose(int after)
{
  g_autofree char *machine = g_strdup_printf("lost=%d", after);
  GstObject *context = emulated_context_new(1);
  GstFlowReturn flow = GST_FLOW_OK;
  Line *line = line_new("backend=cuda");
  line->neighbour = context;
  line_run(line);
  send_caps(line, gpu_caps_new(&line->info));
  g_setenv("CBIGAN_EMULATOR", machine, TRUE);
  for (guint n = 0; n < 400 && flow == GST_FLOW_OK; n++)
    flow = push_frame(line, n, context);
  g_assert_cmpint(flow, ==, GST_FLOW_ERROR);
  Stream stream = { .element = line->element, .bus = line->bus };
  gpu_stream_check_error(&stream, "^[a-z0-9_]+\\.c:[0-9]+: [a-zA-Z_>-]+\\(.*\\): cudaErrorDevicesUnavailable");
  line_free(line);
}

static void
test_lost(void)
{
  gpu_stream_lose(lose, 300);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gpu-context/neighbour", test_neighbour);
  g_test_add_func("/gpu-context/application", test_application);
  g_test_add_func("/gpu-context/set-context", test_set_context);
  g_test_add_func("/gpu-context/own", test_own);
  g_test_add_func("/gpu-context/other-device", test_other_device);
  g_test_add_func("/gpu-context/other-context", test_other_context);
  g_test_add_func("/gpu-context/change", test_change);
  g_test_add_func("/gpu-context/change-own", test_change_own);
  g_test_add_func("/gpu-context/processor", test_processor);
  g_test_add_func("/gpu-context/two-elements", test_two_elements);
  g_test_add_func("/gpu-context/lost", test_lost);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
