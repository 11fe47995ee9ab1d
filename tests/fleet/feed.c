/* feed.c - pushes frames with made-up scores through a cbiganpublish, for test_publish.py and the benches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * usage: feed FRAMES RATE SETTLE PROPERTIES
 *
 * Every frame begins or ends an anomaly, so that FRAMES frames make as many messages of events. RATE: frames per
 * second, 0 = as fast as possible. SETTLE: seconds to wait for the broker's acknowledgements before the end.
 * PROPERTIES: of cbiganpublish. A copy of every frame goes through an `identity`, in turn before and after. Prints one
 * line of JSON: what came out, the time of a push through each of both in us, memory in KiB, and the element's `stats`.
 * Warnings go to standard error. A frame's timestamp is the time of its push, in ns since 1970.
 *
 * A machine interrupts a long call more often than a short one. So a third row, “busy”, is of an `identity` that
 * computes for as long as the element's push before. `waited` counts the pushes in which the thread gave its processor
 * up by itself, as it does for a lock or a disk; `preempted` those in which the kernel took it.
 */
#include <gst/check/gstharness.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SIDE 16
#define LATE 1000 /* us; a push that takes longer is counted */

static GstBuffer *
new_frame(guint n)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, SIDE * SIDE * 3, NULL);
  gst_buffer_memset(buffer, 0, 128, SIDE * SIDE * 3);
  GST_BUFFER_PTS(buffer) = (GstClockTime)g_get_real_time() * GST_USECOND;
  GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, "CbiganScore");
  const gboolean anomalous = n % 2 == 0;
  gst_structure_set(gst_custom_meta_get_structure(meta), "score", G_TYPE_DOUBLE, anomalous ? 3.0 : 1.0, "threshold",
                    G_TYPE_DOUBLE, 2.0, "normalized", G_TYPE_DOUBLE, anomalous ? 0.6 : 0.33, "anomalous",
                    G_TYPE_BOOLEAN, anomalous, "stale", G_TYPE_BOOLEAN, FALSE, "event-id", G_TYPE_UINT,
                    anomalous ? n / 2 + 1 : 0, "scored-pts", G_TYPE_UINT64, (guint64)GST_BUFFER_PTS(buffer), "model",
                    G_TYPE_STRING, "feed", "health", G_TYPE_STRING, n % 200 < 100 ? "good" : "black,flat", NULL);
  return buffer;
}

static void
print_messages(GstBus *bus)
{
  for (GstMessage *message; (message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING | GST_MESSAGE_INFO));) {
    g_autoptr(GError) error = NULL;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
      gst_message_parse_warning(message, &error, NULL);
    else
      gst_message_parse_info(message, &error, NULL);
    g_printerr("%s\n", error->message);
    gst_message_unref(message);
  }
}

static gboolean
is_settled(GstElement *element)
{
  g_autoptr(GstStructure) stats = NULL;
  gboolean connected = FALSE;
  guint queued = 0;
  guint64 spooled = 0;
  g_object_get(element, "stats", &stats, NULL);
  gst_structure_get(stats, "connected", G_TYPE_BOOLEAN, &connected, "queued", G_TYPE_UINT, &queued, "spooled",
                    G_TYPE_UINT64, &spooled, NULL);
  return connected && !queued && !spooled;
}

static void
print_stats(GstElement *element)
{
  g_autoptr(GstStructure) stats = NULL;
  g_object_get(element, "stats", &stats, NULL);
  for (int i = 0; i < gst_structure_n_fields(stats); i++) {
    const char *name = gst_structure_nth_field_name(stats, (guint)i);
    g_autofree char *value = gst_value_serialize(gst_structure_get_value(stats, name));
    printf(",\"%s\":%s", name, value);
  }
}

static glong
resident(void) /* KiB */
{
  g_autofree char *text = NULL;
  const char *line = g_file_get_contents("/proc/self/status", &text, NULL, NULL) ? strstr(text, "VmRSS:") : NULL;
  return line ? strtol(line + strlen("VmRSS:"), NULL, 10) : 0;
}

/* What a push took */
typedef struct {
  gint64 us;
  glong waited, preempted; /* how often */
} Took;

static int
compare(gconstpointer a, gconstpointer b)
{
  const gint64 x = ((const Took *)a)->us, y = ((const Took *)b)->us;
  return (x > y) - (x < y);
}

/* A harness with that element that keeps nothing of what comes out. */
static GstHarness *
new_harness(GstElement *element)
{
  GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=16,height=16,framerate=1000/1");
  gst_harness_set_drop_buffers(harness, TRUE);
  return harness;
}

/* Pushes a frame, and then computes until `least` us have passed. */
static Took
push(GstHarness *harness, GstBuffer *frame, gint64 least)
{
  struct rusage before, after;
  getrusage(RUSAGE_THREAD, &before);
  const gint64 begin = g_get_monotonic_time();
  gst_harness_push(harness, frame);
  while (g_get_monotonic_time() < begin + least)
    ;
  const gint64 us = g_get_monotonic_time() - begin;
  getrusage(RUSAGE_THREAD, &after);
  return (Took){ us, after.ru_nvcsw - before.ru_nvcsw, after.ru_nivcsw - before.ru_nivcsw };
}

/* times: n of them; they get sorted */
static void
print_times(const char *name, guint n, Took *times)
{
  static const struct {
    const char *name;
    double share;
  } rows[] = { { "p50", 0.5 }, { "p99", 0.99 }, { "p999", 0.999 }, { "longest", 1.0 } };
  guint late = 0, waited = 0, late_waited = 0, late_preempted = 0;
  qsort(times, n, sizeof *times, compare);
  printf(",\"%s\":{", name);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    printf("\"%s\":%" G_GINT64_FORMAT ",", rows[i].name, n ? times[MIN(n - 1, (guint)(n * rows[i].share))].us : 0);
  for (guint i = 0; i < n; i++) {
    const gboolean is_late = times[i].us > LATE;
    late += is_late;
    waited += times[i].waited > 0;
    late_waited += is_late && times[i].waited;
    late_preempted += is_late && times[i].preempted;
  }
  printf("\"late\":%u,\"waited\":%u,\"late_waited\":%u,\"late_preempted\":%u}", late, waited, late_waited,
         late_preempted);
}

int
main(int argc, char **argv)
{
  if (argc != 5) {
    g_printerr("usage: feed FRAMES RATE SETTLE PROPERTIES\n");
    return 2;
  }
  gst_init(NULL, NULL);
  const guint frames = (guint)atoi(argv[1]);
  const double rate = atof(argv[2]), settle = atof(argv[3]);
  g_autofree char *line = g_strdup_printf("cbiganpublish name=publish %s", argv[4]);
  g_autoptr(GstBus) bus = gst_bus_new();
  g_autofree Took *took = g_new0(Took, frames + 1), *plain_took = g_new0(Took, frames + 1),
                  *busy_took = g_new0(Took, frames + 1);
  g_autoptr(GError) error = NULL;
  g_autoptr(GstElement) element = gst_parse_launch(line, &error);
  if (error)
    g_error("%s", error->message);
  gst_object_ref_sink(element);
  gst_element_set_bus(element, bus); /* before the start, so that what is said there is heard */
  GstHarness *harness = new_harness(element), *plain = new_harness(gst_element_factory_make("identity", NULL));
  const gint64 begin = g_get_monotonic_time();
  for (guint n = 0; n < frames; n++) {
    const gint64 due = begin + (rate > 0 ? (gint64)(n / rate * G_USEC_PER_SEC) : 0), now = g_get_monotonic_time();
    if (due > now)
      g_usleep((gulong)(due - now));
    GstBuffer *frame = new_frame(n);
    GstBuffer *copy = gst_buffer_copy(frame), *other = gst_buffer_copy(frame);
    if (n % 2)
      plain_took[n] = push(plain, copy, 0);
    took[n] = push(harness, frame, 0);
    if (n % 2 == 0)
      plain_took[n] = push(plain, copy, 0);
    busy_took[n] = push(plain, other, MIN(took[n].us, LATE / 2));
    print_messages(bus);
  }
  const gint64 pushed = g_get_monotonic_time();
  while (!is_settled(element) && g_get_monotonic_time() < pushed + settle * G_USEC_PER_SEC) {
    g_usleep(5000);
    print_messages(bus);
  }
  const double settled = (double)(g_get_monotonic_time() - begin) / G_USEC_PER_SEC;
  const glong memory = resident();
  const guint received = gst_harness_buffers_received(harness);
  gst_element_set_state(harness->element, GST_STATE_NULL);
  print_messages(bus);
  printf("{\"passed\":%u,\"seconds\":%.3f,\"memory\":%ld", received, settled, memory);
  print_times("push", frames, took);
  print_times("identity", frames, plain_took);
  print_times("busy", frames, busy_took);
  print_stats(element);
  puts("}");
  return 0;
}
