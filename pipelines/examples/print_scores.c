/* print_scores.c - an application that reads what cbiganscore writes on each frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   print_scores "filesrc location=video.mkv ! decodebin ! videoconvert ! cbiganscore model=cloth.safetensors
 * name=score ! fakesink"
 *
 * Compiling this needs GStreamer only, because the score is a GstCustomMeta. A probe reads the buffers that leave
 * `score`; a probe behind any later element (a queue, a scaler, an appsink) works too.
 */
#include <gst/gst.h>

static void
print_regions(const GstStructure *score)
{
  const GValue *regions = gst_structure_get_value(score, "regions");
  for (guint i = 0; regions && i < gst_value_array_get_size(regions); i++) {
    const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, i));
    double x, y, w, h, peak;
    /* fractions of the frame, so they stay true when the video is scaled */
    if (gst_structure_get(region, "x", G_TYPE_DOUBLE, &x, "y", G_TYPE_DOUBLE, &y, "w", G_TYPE_DOUBLE, &w, "h",
                          G_TYPE_DOUBLE, &h, "peak", G_TYPE_DOUBLE, &peak, NULL))
      g_print("  at %.2f,%.2f size %.2fx%.2f peak %.2f", x, y, w, h, peak);
  }
}

static GstPadProbeReturn
on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "CbiganScore");
  if (!meta)
    return GST_PAD_PROBE_OK; /* not scored */
  const GstStructure *score = gst_custom_meta_get_structure(meta);
  double value = 0, normalized = 0;
  gboolean anomalous = FALSE;
  gst_structure_get_double(score, "score", &value);
  gst_structure_get_double(score, "normalized", &normalized); /* 0.5 = at the threshold */
  gst_structure_get_boolean(score, "anomalous", &anomalous);
  g_print("%" GST_TIME_FORMAT " score %.3f normalized %.3f %s", GST_TIME_ARGS(GST_BUFFER_PTS(buffer)), value,
          normalized, anomalous ? "ANOMALOUS" : "good");
  print_regions(score);
  g_print("\n");
  return GST_PAD_PROBE_OK;
}

static gboolean
run(GstElement *pipeline, GError **error)
{
  g_autoptr(GstElement) element = gst_bin_get_by_name(GST_BIN(pipeline), "score");
  if (!element) {
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN, "no element has name=score in this pipeline");
    return FALSE;
  }
  g_autoptr(GstPad) pad = gst_element_get_static_pad(element, "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, NULL, NULL);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  g_autoptr(GstMessage) message =
      gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gboolean fine = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  if (!fine)
    gst_message_parse_error(message, error, NULL);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  return fine;
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  gst_init(&argc, &argv);
  if (argc != 2 || argv[1][0] == '-') {
    g_printerr("usage: print_scores 'LAUNCH DESCRIPTION with cbiganscore name=score'\n");
    return 2;
  }
  g_autoptr(GstElement) pipeline = gst_parse_launch(argv[1], &error);
  if (!pipeline || error || !run(pipeline, &error)) {
    g_printerr("print_scores: %s\n", error->message);
    return 1;
  }
  return 0;
}
