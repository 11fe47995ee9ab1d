/* playback.c - frames out of a GStreamer pipeline, with an end to every wait
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * decodebin drops the error of a demuxer that fails while it is plugged in, and then neither a frame nor an end comes.
 * So demuxers' errors are listened to, and besides a wait ends when nothing moves any more.
 */
#include "playback.h"
#include "cbigan.h"
#include "file_source.h"
#include "i18n.h"
#include "memory.h"
#include "stream_threads.h"
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <time.h>

#define SINK "appsink name=cbigan-pictures caps=video/x-raw sync=false max-buffers=4"
#define POLL (50 * GST_MSECOND) /* between looks at the bus while no frame comes */
#define POLLS_PER_SECOND 20
#define BUSY 1000000       /* ns of processor time within a poll: more than the polling itself takes */
#define BYTES_PER_PIXEL 12 /* a frame, and what a decoder keeps beside it */

enum { DRAINED = 4, MOST_DRAINED = 40 }; /* polls after an error: without a movement, and in all */
enum { FILE_PATIENCE = 3, DESCRIPTION_PATIENCE = 60, READ_PATIENCE = 600, NOTICE = 10 }; /* seconds */

struct _CbiganPlayback {
  GstElement *pipeline, *sink;
  GstElement *source; /* of a file, else NULL */
  gboolean live;
  CbiganWaitingFunc waiting;
  gpointer data;
  gint orientation; /* atomic: EXIF's */
  guint64 computed; /* processor time at the last poll, ns */
  guint reads;      /* at the last poll */
  GError *failure;  /* of the streaming thread; under the sink's object lock */
  GError *later;    /* a plugin that is missing or a warning: told if it ends badly */
  gboolean damaged; /* `later` is a warning */
  guint frames;
  GError *error; /* that has ended it, while frames before it are still on their way */
  guint drained; /* polls since then */
};

/* Keeps an error for the end of the file, unless there is one already. Takes the reason. */
static void
keep_failure(CbiganPlayback *self, GError *reason)
{
  GST_OBJECT_LOCK(self->sink);
  if (!self->failure)
    self->failure = g_steal_pointer(&reason);
  GST_OBJECT_UNLOCK(self->sink);
  g_clear_error(&reason);
}

/* A demuxer's bus, before decodebin's. */
typedef struct {
  CbiganPlayback *playback;
  GstBus *next;
} Tap;

static void
free_tap(gpointer data)
{
  Tap *tap = data;

  gst_object_unref(tap->next);
  g_free(tap);
}

static GstBusSyncReply
listen(GstBus *bus, GstMessage *message, gpointer data)
{
  Tap *tap = data;
  GError *reason = NULL;

  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error(message, &reason, NULL);
    keep_failure(tap->playback, g_error_new_literal(CBIGAN_ERROR, CBIGAN_ERROR_FILE, reason->message));
    g_error_free(reason);
  }
  gst_bus_post(tap->next, message);
  return GST_BUS_DROP;
}

/* decodebin drops a demuxer's error that comes while it is plugged in. */
static void
tap_errors(CbiganPlayback *self, GstElement *demuxer)
{
  GstBus *next = gst_element_get_bus(demuxer);
  g_autoptr(GstBus) bus = NULL;
  Tap *tap;

  if (!next)
    return;
  bus = gst_bus_new();
  tap = g_new(Tap, 1);
  *tap = (Tap){ self, next };
  gst_bus_set_sync_handler(bus, listen, tap, free_tap);
  gst_element_set_bus(demuxer, bus);
}

/* jpegdec is not exact unless it is told to be. What was set otherwise on purpose can't be told from its default. */
static void
element_added(GstBin *bin, GstBin *parent, GstElement *element, gpointer data)
{
  CbiganPlayback *self = data;
  GstElementFactory *factory = gst_element_get_factory(element);

  if (factory && g_str_equal(GST_OBJECT_NAME(factory), "jpegdec"))
    gst_util_set_object_arg(G_OBJECT(element), "idct-method", "islow");
  if (factory && self->source && gst_element_factory_list_is_type(factory, GST_ELEMENT_FACTORY_TYPE_DEMUXER))
    tap_errors(self, element);
}

static int
exif_orientation(GstVideoOrientationMethod method)
{
  switch (method) {
  case GST_VIDEO_ORIENTATION_HORIZ:
    return 2;
  case GST_VIDEO_ORIENTATION_180:
    return 3;
  case GST_VIDEO_ORIENTATION_VERT:
    return 4;
  case GST_VIDEO_ORIENTATION_UL_LR:
    return 5;
  case GST_VIDEO_ORIENTATION_90R:
    return 6;
  case GST_VIDEO_ORIENTATION_UR_LL:
    return 7;
  case GST_VIDEO_ORIENTATION_90L:
    return 8;
  default:
    return 1;
  }
}

/* TRUE unless the frames of these caps are more than memory holds. */
static gboolean
check_caps(CbiganPlayback *self, const GstCaps *caps)
{
  GstVideoInfo info;
  GError *error = NULL;

  if (!gst_video_info_from_caps(&info, caps) ||
      cbigan_memory_check((guint64)info.width * (guint64)info.height * BYTES_PER_PIXEL, &error))
    return TRUE;
  keep_failure(self, error);
  return FALSE;
}

static GstPadProbeReturn
look_at_event(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  CbiganPlayback *self = data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  GstVideoOrientationMethod method;
  GstTagList *tags;
  GstCaps *caps;

  if (GST_EVENT_TYPE(event) == GST_EVENT_TAG && self->source) {
    gst_event_parse_tag(event, &tags);
    if (gst_video_orientation_from_tag(tags, &method))
      g_atomic_int_set(&self->orientation, exif_orientation(method));
  } else if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    gst_event_parse_caps(event, &caps);
    if (!check_caps(self, caps))
      return GST_PAD_PROBE_DROP;
  }
  return GST_PAD_PROBE_OK;
}

/* Takes the pipeline. */
static CbiganPlayback *
new_playback(GstElement *pipeline)
{
  CbiganPlayback *self = g_new0(CbiganPlayback, 1);
  g_autoptr(GstPad) pad = NULL;

  self->pipeline = pipeline;
  self->orientation = 1;
  cbigan_stream_threads_use(pipeline);
  self->sink = gst_bin_get_by_name(GST_BIN(pipeline), "cbigan-pictures");
  pad = gst_element_get_static_pad(self->sink, "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, look_at_event, self, NULL);
  g_signal_connect(pipeline, "deep-element-added", G_CALLBACK(element_added), self);
  return self;
}

CbiganPlayback *
cbigan_playback_file(int fd, gsize size, GError **error)
{
  GstElement *source = cbigan_file_source_new(fd, size);
  g_autoptr(GstElement) decoder = NULL;
  g_autoptr(GError) reason = NULL;
  GstElement *pipeline =
      gst_parse_launch("decodebin name=cbigan-decoder expose-all-streams=false caps=video/x-raw ! " SINK, &reason);
  CbiganPlayback *self;

  if (!pipeline || reason) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, reason->message);
    gst_clear_object(&pipeline);
    gst_object_unref(gst_object_ref_sink(source));
    return NULL;
  }
  self = new_playback(pipeline);
  self->source = source;
  decoder = gst_bin_get_by_name(GST_BIN(pipeline), "cbigan-decoder");
  gst_bin_add(GST_BIN(pipeline), source);
  gst_element_link(source, decoder);
  return self;
}

CbiganPlayback *
cbigan_playback_description(const char *description, GError **error)
{
  g_autofree char *whole = g_strdup_printf("%s ! " SINK, description);
  g_autoptr(GError) reason = NULL;
  GstElement *pipeline = gst_parse_launch_full(whole, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &reason);

  if (pipeline)
    return new_playback(pipeline);
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
              _("pipeline “%s”: %s; expected a launch description that ends in raw video"), description,
              reason->message);
  return NULL;
}

void
cbigan_playback_free(CbiganPlayback *self)
{
  if (!self)
    return;
  gst_element_set_state(self->pipeline, GST_STATE_NULL);
  gst_object_unref(self->sink);
  gst_object_unref(self->pipeline);
  g_clear_error(&self->failure);
  g_clear_error(&self->later);
  g_clear_error(&self->error);
  g_free(self);
}

void
cbigan_playback_start(CbiganPlayback *self, CbiganWaitingFunc waiting, gpointer data)
{
  self->waiting = waiting;
  self->data = data;
  self->live = gst_element_set_state(self->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_NO_PREROLL;
}

/* Debian's package with decoders for caps that begin so, by GStreamer 1.22. */
static const char *
package_of(const GstCaps *caps)
{
  static const char *const rows[][2] = {
    { "image/webp", "gstreamer1.0-plugins-bad" },
    { "image/jp2", "gstreamer1.0-plugins-bad" },
    { "image/x-j", "gstreamer1.0-plugins-bad" },
    { "image/x-exr", "gstreamer1.0-plugins-bad" },
    { "image/svg", "gstreamer1.0-plugins-bad" },
    { "video/x-av1", "gstreamer1.0-plugins-bad" },
    { "video/mpegts", "gstreamer1.0-plugins-bad" },
    { "video/x-vp", "gstreamer1.0-plugins-good" },
    { "video/x-dv", "gstreamer1.0-plugins-good" },
    { "video/quicktime", "gstreamer1.0-plugins-good" },
    { "video/x-matroska", "gstreamer1.0-plugins-good" },
    { "video/webm", "gstreamer1.0-plugins-good" },
    { "video/x-msvideo", "gstreamer1.0-plugins-good" },
    { "video/x-ms-asf", "gstreamer1.0-plugins-ugly" },
    { "video/x-avi-unknown", NULL },
    { "video/", "gstreamer1.0-libav" },
    { "image/", NULL },
  };
  const char *name = caps && gst_caps_get_size(caps) ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    if (g_str_has_prefix(name, rows[i][0]))
      return rows[i][1];
  return NULL;
}

/* decodebin has told what it can't find. */
static void
set_missing(const GstStructure *structure, GError **error)
{
  const char *name = gst_structure_get_string(structure, "name");
  const GValue *detail = gst_structure_get_value(structure, "detail");
  const char *package = detail && GST_VALUE_HOLDS_CAPS(detail) ? package_of(gst_value_get_caps(detail)) : NULL;

  if (package)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("missing here: %s (Debian: the package %s)"),
                name ? name : _("a decoder"), package);
  else
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
                _("missing here: %s; convert it to PNG, or install a GStreamer plugin for it"),
                name ? name : _("a decoder"));
}

/* Keeps what the bus tells: a missing plugin or a warning in *later, an error in *now. */
static void
read_message(CbiganPlayback *self, GstMessage *message, GError **now)
{
  g_autoptr(GError) reason = NULL;

  if (gst_message_has_name(message, "missing-plugin") && !self->later) {
    set_missing(gst_message_get_structure(message), &self->later);
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING && !self->later && self->source) {
    gst_message_parse_warning(message, &reason, NULL);
    g_set_error_literal(&self->later, CBIGAN_ERROR, CBIGAN_ERROR_FILE, reason->message);
    self->damaged = TRUE;
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error(message, &reason, NULL);
    g_set_error_literal(now, CBIGAN_ERROR, CBIGAN_ERROR_FILE, reason->message);
  }
}

/* TRUE and *error when the pipeline can't go on. What is missing tells more than the error that follows from it. */
static gboolean
take_error(CbiganPlayback *self, gboolean at_end, GError **error)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(self->pipeline);
  GstMessage *message;
  GError *now;

  GST_OBJECT_LOCK(self->sink);
  now = g_steal_pointer(&self->failure);
  GST_OBJECT_UNLOCK(self->sink);
  while (!now && (message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_ELEMENT))) {
    read_message(self, message, &now);
    gst_message_unref(message);
  }
  if (!now && !(at_end && self->later && (self->damaged || !self->frames)))
    return FALSE;
  if (self->later) {
    g_clear_error(&now);
    now = g_steal_pointer(&self->later);
  }
  g_propagate_error(error, now);
  return TRUE;
}

/* Whether anything has happened since the last call. *reading: a read is under way. */
static gboolean
has_moved(CbiganPlayback *self, gboolean *reading)
{
  struct timespec now = { 0 };
  guint64 computed, before = self->computed;
  guint reads = 0, reads_before = self->reads;

  *reading = FALSE;
  if (self->source)
    reads = cbigan_file_source_progress(self->source, reading);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  computed = (guint64)now.tv_sec * 1000000000 + (guint64)now.tv_nsec;
  self->computed = computed;
  self->reads = reads;
  return computed - before > BUSY || reads != reads_before;
}

/* TRUE with an error after `still` polls without a movement. */
static gboolean
is_lost(const CbiganPlayback *self, guint still, gboolean reading, GError **error)
{
  guint patience = reading ? READ_PATIENCE : self->source ? FILE_PATIENCE : DESCRIPTION_PATIENCE;

  if ((self->live && !reading) || still < patience * POLLS_PER_SECOND)
    return FALSE;
  if (reading)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
                n_("nothing has been read for %u second", "nothing has been read for %u seconds", patience), patience);
  else
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
                _("its decoder has stopped without a word: a damaged container? Nothing has moved for %u seconds"),
                patience);
  return TRUE;
}

/* After an error the frames that were on their way still count, so that it does not depend on threads which do. */
static gboolean
is_over(CbiganPlayback *self, gboolean at_end, guint still, GError **error)
{
  if (!self->error)
    take_error(self, at_end, &self->error);
  if (self->error && !at_end && still < DRAINED && ++self->drained < MOST_DRAINED)
    return FALSE;
  if (self->error)
    g_propagate_error(error, g_steal_pointer(&self->error));
  else if (!at_end)
    return FALSE;
  return TRUE;
}

GstSample *
cbigan_playback_pull(CbiganPlayback *self, GError **error)
{
  guint still = 0;

  for (guint polls = 1;; polls++) {
    GstSample *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(self->sink), POLL);
    gboolean at_end = !sample && gst_app_sink_is_eos(GST_APP_SINK(self->sink)), reading;

    self->frames += sample != NULL;
    if (sample || is_over(self, at_end, still, error))
      return sample;
    still = has_moved(self, &reading) ? 0 : still + 1;
    if (is_lost(self, still, reading, error))
      return NULL;
    if (self->waiting && polls % (NOTICE * POLLS_PER_SECOND) == 0)
      self->waiting(polls / POLLS_PER_SECOND, self->data);
  }
}

int
cbigan_playback_orientation(const CbiganPlayback *self)
{
  return g_atomic_int_get(&self->orientation);
}
