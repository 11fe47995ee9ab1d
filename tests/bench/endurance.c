/* endurance.c - what a year does to the elements, in minutes: model swaps under load, and pipelines that come and go
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * endurance swaps N   plays four live streams with one model each and changes a model, or another property, N times
 * endurance cycles N  creates, plays and destroys a pipeline N times
 *
 * With GST_PLUGIN_PATH set (meson devenv -C build). For the sanitizers and tracers: tests/sanitizers/glib_tsan.c has
 * the command for the thread sanitizer. The leaks tracer names each object that is left:
 *   GST_TRACERS=leaks GST_DEBUG=*:1,GST_TRACER:7 endurance cycles 500 2>&1 | grep object-alive
 */
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>

#include "test_model.h"

#define STREAMS 4
#define STREAM                                                                                                         \
  "videotestsrc is-live=true pattern=ball ! video/x-raw,format=RGB,width=64,height=64,framerate=100/1 ! "              \
  "cbiganscore name=s%u threads=1 model=%s mode=%s updates=every-frame ! cbiganoverlay ! fakesink sync=false "

static void
check_bus(GstElement *pipeline)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  for (GstMessage *message; (message = gst_bus_pop(bus)); gst_message_unref(message)) {
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR)
      continue;
    g_autoptr(GError) error = NULL;
    gst_message_parse_error(message, &error, NULL);
    g_error("%s", error->message);
  }
}

static GstElement *
launch(guint streams, const char *model, const char *mode)
{
  g_autoptr(GString) line = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < streams; i++)
    g_string_append_printf(line, STREAM, i, model, mode);
  GstElement *pipeline = gst_parse_launch(line->str, &error);
  g_assert_no_error(error);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, 60 * GST_SECOND), !=, GST_STATE_CHANGE_FAILURE);
  return pipeline;
}

static guint64
scored(GstElement *element)
{
  g_autoptr(GstStructure) stats = NULL;
  guint64 n = 0;
  g_object_get(element, "stats", &stats, NULL);
  gst_structure_get_uint64(stats, "scored", &n);
  return n;
}

static void
swap_models(guint n)
{
  char *models[] = { test_model_write(64, 1), test_model_write(64, 2), test_model_write_bare(64, 3),
                     test_model_write(128, 4) };
  static const char *const properties[][2] = { { "mode", "sync" },     { "mode", "async" },     { "roi", "0,0,0.5,1" },
                                               { "roi", "" },          { "threads", "2" },      { "threads", "1" },
                                               { "heatmaps", "none" }, { "heatmaps", "all" },   { "batch-size", "4" },
                                               { "batch-size", "0" },  { "precision", "bf16" }, { "precision", "auto" },
                                               { "cutout", "model" },  { "cutout", "" } };
  g_autoptr(GRand) random = g_rand_new_with_seed(7);
  GstElement *pipeline = launch(STREAMS, models[0], "async"), *elements[STREAMS];
  guint64 before[STREAMS] = { 0 };
  for (guint i = 0; i < STREAMS; i++) {
    g_autofree char *name = g_strdup_printf("s%u", i);
    elements[i] = gst_bin_get_by_name(GST_BIN(pipeline), name);
  }
  for (guint i = 0; i < n; i++) {
    const guint row = (guint)g_rand_int_range(random, 0, G_N_ELEMENTS(properties));
    const guint stream = (guint)g_rand_int_range(random, 0, STREAMS);
    before[i % STREAMS] = scored(elements[i % STREAMS]);
    g_object_set(elements[i % STREAMS], "model", models[g_rand_int_range(random, 0, G_N_ELEMENTS(models))], NULL);
    if (i % 4 == 0)
      gst_util_set_object_arg(G_OBJECT(elements[stream]), properties[row][0], properties[row][1]);
    g_usleep((gulong)g_rand_int_range(random, 0, 30000));
    check_bus(pipeline);
    if (i % 100 == 99)
      g_print("%u swaps\n", i + 1);
  }
  for (guint i = 0; i < STREAMS; i++) { /* frames are still scored */
    for (guint wait = 0; scored(elements[i]) <= before[i] && wait < 600; wait++)
      g_usleep(100000);
    g_assert_cmpuint(scored(elements[i]), >, before[i]);
    gst_object_unref(elements[i]);
  }
  check_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  for (guint i = 0; i < G_N_ELEMENTS(models); i++)
    g_free(models[i]);
}

static void
come_and_go(guint n)
{
  g_autofree char *model = test_model_write(64, 1);
  for (guint i = 0; i < n; i++) {
    GstElement *pipeline = launch(1 + i % 2, model, i % 3 ? "async" : "sync");
    g_usleep((i % 5) * 10000);
    check_bus(pipeline);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
  }
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  const guint n = argc == 3 ? (guint)strtoul(argv[2], NULL, 10) : 0;
  if (!n || (strcmp(argv[1], "swaps") && strcmp(argv[1], "cycles"))) {
    g_printerr("usage: endurance swaps|cycles N\n");
    return 2;
  }
  (strcmp(argv[1], "swaps") ? come_and_go : swap_models)(n);
  test_model_cleanup();
  g_print("%s: %u done\n", argv[1], n);
  gst_deinit();
  return 0;
}
