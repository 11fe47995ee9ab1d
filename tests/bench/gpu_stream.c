/* gpu_stream.c - 1080p video in an NVIDIA GPU's memory to scores: frames per second
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gpu_stream [FRAMES [ROUNDS]], with GST_PLUGIN_PATH and CBIGAN_MODULE_PATH set (meson devenv -C build). Plays NV12
 * video to fakesink as fast as it goes, in ways that take turns: uploaded by cudaupload frame by frame, with
 * cbiganscore and without; some frames that are in GPU memory already, again and again, scored on the GPU and on the
 * processor; and the same brought to system memory first. Takes the time from the 11th frame on, so that what is set up
 * with the first one does not count; every frame must carry a score. Prints Markdown: medians of the rounds. Exit
 * status 77: no GPU, or not the elements.
 */
#include <cbigan.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include "bench.h"
#include "test_model.h"

#define CAPS "video/x-raw,format=NV12,width=1920,height=1080,framerate=30/1"
#define KEPT 8 /* frames */
#define WARM 10
#define FRAME 512 /* of the model, both ways */
#define PATIENCE (120 * GST_SECOND)

/* Frames in GPU memory, and how to have more like them. */
typedef struct {
  GstBuffer *buffers[KEPT];
  guint n;
  GstCaps *caps;
  GstContext *context; /* the CUDA context */
} Kept;

typedef struct {
  const char *name;
  gboolean kept;    /* appsrc pushes those */
  const char *line; /* %s: cbiganscore's model */
} Way;

static const Way ways[] = {
  { "uploaded, not scored", FALSE, "videotestsrc name=source ! " CAPS " ! cudaupload ! fakesink name=end" },
  { "uploaded, backend=cuda", FALSE,
    "videotestsrc name=source ! " CAPS
    " ! cudaupload ! cbiganscore qos=false backend=cuda model=%s ! fakesink name=end" },
  { "in GPU memory, backend=cuda", TRUE,
    "appsrc name=source ! cbiganscore qos=false backend=cuda model=%s ! fakesink name=end" },
  { "in GPU memory, backend=cpu", TRUE,
    "appsrc name=source ! cbiganscore qos=false backend=cpu model=%s ! fakesink name=end" },
  { "in GPU memory, downloaded, backend=cuda", TRUE,
    "appsrc name=source ! cudadownload ! cbiganscore qos=false backend=cuda model=%s ! fakesink name=end" },
};
static const int widths[] = { 3, 16, 32, 64 };

typedef struct {
  guint n, n_scored;
  gint64 begin, end;
} Count;

static GstPadProbeReturn
count_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Count *count = data;
  count->end = g_get_monotonic_time();
  count->n_scored += gst_buffer_get_custom_meta(GST_PAD_PROBE_INFO_BUFFER(info), "CbiganScore") != NULL;
  if (count->n++ == WARM)
    count->begin = count->end;
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
keep_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Kept *kept = data;
  if (kept->n < KEPT)
    kept->buffers[kept->n++] = gst_buffer_ref(GST_PAD_PROBE_INFO_BUFFER(info));
  return GST_PAD_PROBE_OK;
}

static GstElement *
pipeline_new(const char *line, GstPadProbeCallback probe, gpointer data)
{
  g_autoptr(GError) error = NULL;
  GstElement *pipeline = gst_parse_launch(line, &error);
  if (!pipeline)
    g_error("%s: %s", line, error->message);
  g_autoptr(GstElement) end = gst_bin_get_by_name(GST_BIN(pipeline), "end");
  g_autoptr(GstPad) pad = gst_element_get_static_pad(end, "sink");
  g_object_set(end, "sync", FALSE, NULL);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, probe, data, NULL);
  return pipeline;
}

static void
wait_for_end(GstElement *pipeline)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, PATIENCE, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  g_autoptr(GError) error = NULL;
  if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
    return;
  if (message)
    gst_message_parse_error(message, &error, NULL);
  g_error("%s", error ? error->message : "nothing for two minutes");
}

static Kept
keep_frames(void)
{
  Kept kept = { 0 };
  g_autofree char *line = g_strdup_printf(
      "videotestsrc num-buffers=%d pattern=ball ! " CAPS " ! cudaupload name=upload ! fakesink name=end", KEPT);
  g_autoptr(GstElement) pipeline = pipeline_new(line, keep_buffer, &kept);
  g_autoptr(GstElement) upload = gst_bin_get_by_name(GST_BIN(pipeline), "upload");
  g_autoptr(GstPad) pad = gst_element_get_static_pad(upload, "src");
  g_autoptr(GstQuery) query = gst_query_new_context("gst.cuda.context");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  wait_for_end(pipeline);
  kept.caps = gst_pad_get_current_caps(pad);
  if (gst_pad_query(pad, query))
    gst_query_parse_context(query, &kept.context);
  if (!kept.context || kept.n != KEPT)
    g_error("%u frames in GPU memory, %s; expected %d of a CUDA context", kept.n, kept.context ? "one" : "none", KEPT);
  gst_context_ref(kept.context);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  return kept;
}

/* Pushes them again and again; appsrc holds the queue short. */
static void
push_kept(GstElement *source, const Kept *kept, guint frames)
{
  for (guint i = 0; i < frames; i++) {
    GstBuffer *buffer = gst_buffer_copy(kept->buffers[i % KEPT]); /* the same memory */
    GST_BUFFER_PTS(buffer) = i * GST_SECOND / 30;
    GST_BUFFER_DURATION(buffer) = GST_SECOND / 30;
    if (gst_app_src_push_buffer(GST_APP_SRC(source), buffer) != GST_FLOW_OK)
      break; /* wait_for_end() says why */
  }
  gst_app_src_end_of_stream(GST_APP_SRC(source));
}

static double
frames_a_second(const Way *way, const Kept *kept, const char *model, guint frames)
{
  Count count = { 0 };
  g_autofree char *line = g_strdup_printf(way->line, model); /* way->line is one of ours */
  g_autoptr(GstElement) pipeline = pipeline_new(line, count_buffer, &count);
  g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  if (way->kept) {
    g_object_set(source, "caps", kept->caps, "format", GST_FORMAT_TIME, "block", TRUE, "max-buffers", (guint64)KEPT,
                 "max-bytes", (guint64)0, NULL);
    gst_element_set_context(pipeline, kept->context);
  } else {
    g_object_set(source, "num-buffers", (int)frames, NULL);
  }
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  if (way->kept)
    push_kept(source, kept, frames);
  wait_for_end(pipeline);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  const guint scored = strstr(way->line, "cbiganscore") ? frames : 0;
  if (count.n != frames || count.n_scored != scored)
    g_error("%s: %u frames, %u of them scored; expected %u, %u", line, count.n, count.n_scored, frames, scored);
  return (frames - WARM - 1) * 1e6 / (double)(count.end - count.begin);
}

static void
measure(int width, const Kept *kept, guint frames, guint rounds)
{
  g_autofree char *model = test_model_write_wide(width, FRAME, 1);
  g_autofree double *rates = g_new(double, G_N_ELEMENTS(ways) * rounds);
  for (guint i = 0; i < rounds; i++)
    for (guint way = 0; way < G_N_ELEMENTS(ways); way++)
      rates[way * rounds + i] = frames_a_second(&ways[way], kept, model, frames);
  for (guint way = 0; way < G_N_ELEMENTS(ways); way++)
    g_print("| %s | %d | %.1f |\n", ways[way].name, width, bench_quantile(rates + way * rounds, rounds, 0.5));
}

static const char *
why_not(void)
{
  static const char *const elements[] = { "videotestsrc", "cudaupload", "cudadownload", "appsrc" };
  for (guint i = 0; i < G_N_ELEMENTS(elements); i++) {
    g_autoptr(GstElementFactory) factory = gst_element_factory_find(elements[i]);
    if (!factory)
      return elements[i];
  }
  return NULL;
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  const int frames = argc > 1 ? atoi(argv[1]) : 300, rounds = argc > 2 ? atoi(argv[2]) : 3;
  g_autofree char *why = cbigan_backend_unavailable("cuda");
  if (frames <= WARM + 1 || rounds < 1) {
    g_printerr("usage: gpu_stream [FRAMES, more than %d [ROUNDS]]\n", WARM + 1);
    return 2;
  }
  if (why || why_not()) {
    g_print("Not measured: %s%s\n", why ? why : "there is no element ", why ? "" : why_not());
    return 77;
  }
  Kept kept = keep_frames();
  g_print("1920x1080 NV12 to scores of a model of %dx%d; medians of %d rounds of %d frames\n\n", FRAME, FRAME, rounds,
          frames);
  g_print("| frames | c | frames/s |\n|---|---:|---:|\n");
  for (guint i = 0; i < G_N_ELEMENTS(widths); i++)
    measure(widths[i], &kept, (guint)frames, (guint)rounds);
  for (guint i = 0; i < kept.n; i++)
    gst_buffer_unref(kept.buffers[i]);
  gst_caps_unref(kept.caps);
  gst_context_unref(kept.context);
  test_model_cleanup();
  return 0;
}
