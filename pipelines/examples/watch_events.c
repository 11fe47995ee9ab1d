/* watch_events.c - an application that hears of anomalies on the bus, and keeps a live pipeline's latency right
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   watch_events "v4l2src ! videoconvert ! cbiganscore model=cloth.safetensors ! fakesink sync=true"
 *
 * Compiling this needs GStreamer only. Ctrl-C ends the stream, so that an anomaly that is on ends too.
 */
#include <glib-unix.h>
#include <gst/gst.h>

typedef struct {
  GstElement *pipeline;
  GMainLoop *loop;
  GError *error; /* NULL = none yet */
} Watcher;

static void
print_regions(const GstStructure *event)
{
  const GValue *regions = gst_structure_get_value(event, "regions");
  for (guint i = 0; regions && i < gst_value_array_get_size(regions); i++) {
    const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, i));
    double x, y, w, h;
    if (gst_structure_get(region, "x", G_TYPE_DOUBLE, &x, "y", G_TYPE_DOUBLE, &y, "w", G_TYPE_DOUBLE, &w, "h",
                          G_TYPE_DOUBLE, &h, NULL))
      g_print(" at %.2f,%.2f size %.2fx%.2f", x, y, w, h);
  }
}

static void
print_event(const GstStructure *event)
{
  const char *name = gst_structure_get_string(event, "event");
  guint number = 0;
  double value = 0;
  gst_structure_get_uint(event, "event-id", &number);
  if (g_str_equal(name, "begin")) {
    gst_structure_get_double(event, "score", &value);
    g_print("begin %u score %.3f", number, value);
    print_regions(event);
    g_print("\n");
  } else if (g_str_equal(name, "end")) {
    gst_structure_get_double(event, "peak", &value);
    g_print("end %u peak %.3f\n", number, value);
  }
}

static gboolean
on_message(GstBus *bus, GstMessage *message, gpointer data)
{
  Watcher *self = data;
  g_autoptr(GError) warning = NULL;
  switch (GST_MESSAGE_TYPE(message)) {
  case GST_MESSAGE_LATENCY: /* an element's latency has changed: a new model may be slower */
    gst_bin_recalculate_latency(GST_BIN(self->pipeline));
    break;
  case GST_MESSAGE_WARNING:
    gst_message_parse_warning(message, &warning, NULL);
    g_printerr("warning: %s\n", warning->message);
    break;
  case GST_MESSAGE_ERROR:
    if (!self->error)
      gst_message_parse_error(message, &self->error, NULL);
    g_main_loop_quit(self->loop);
    break;
  case GST_MESSAGE_EOS:
    g_main_loop_quit(self->loop);
    break;
  case GST_MESSAGE_ELEMENT:
    if (gst_message_has_name(message, "cbigan"))
      print_event(gst_message_get_structure(message));
    break;
  default:
    break;
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
on_signal(gpointer pipeline)
{
  gst_element_send_event(pipeline, gst_event_new_eos());
  return G_SOURCE_CONTINUE;
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  gst_init(&argc, &argv);
  if (argc != 2 || argv[1][0] == '-') {
    g_printerr("usage: watch_events 'LAUNCH DESCRIPTION with cbiganscore'\n");
    return 2;
  }
  g_autoptr(GstElement) pipeline = gst_parse_launch(argv[1], &error);
  if (error || !pipeline) {
    g_printerr("watch_events: %s\n", error->message);
    return 1;
  }
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  Watcher self = { pipeline, loop, NULL };
  gst_bus_add_watch(bus, on_message, &self);
  g_unix_signal_add(SIGINT, on_signal, pipeline);
  g_unix_signal_add(SIGTERM, on_signal, pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_main_loop_run(loop);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_bus_remove_watch(bus);
  if (self.error)
    g_printerr("watch_events: %s\n", self.error->message);
  const int status = self.error ? 1 : 0;
  g_clear_error(&self.error);
  return status;
}
