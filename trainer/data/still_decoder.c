/* still_decoder.c - a still picture in memory to raw video
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A decoder element is run without a pipeline: the file is pushed into its sink pad, and the picture has arrived when
 * the push returns. GStreamer's gdkpixbufdec passes on pictures whose decoding failed, so gdk-pixbuf itself is asked.
 */
#include "still_decoder.h"
#include "cbigan.h"
#include "i18n.h"
#include "marked_memory.h"

#define SMALL_JPEG (1 << 15) /* bytes: not worth a thread */

/* An element with a pad of ours on either side. */
typedef struct {
  GstElement *element;
  GstPad *in, *out;
  GstBus *bus;
  GstAllocator *allocator;
  GstSample *sample; /* what has come out first */
} Decoder;

/* Decoders are asked to take marked memory. */
static gboolean
answer(GstPad *pad, GstObject *parent, GstQuery *query)
{
  Decoder *self = gst_pad_get_element_private(pad);

  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
    return gst_pad_query_default(pad, parent, query);
  gst_query_add_allocation_param(query, self->allocator, NULL);
  return TRUE;
}

static GstFlowReturn
keep_first(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Decoder *self = gst_pad_get_element_private(pad);
  g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);

  if (!self->sample)
    self->sample = gst_sample_new(buffer, caps, NULL, NULL);
  gst_buffer_unref(buffer);
  return GST_FLOW_OK;
}

static gboolean
open_decoder(Decoder *self, const char *factory, const char *package, GError **error)
{
  g_autoptr(GstPad) sink = NULL;
  g_autoptr(GstPad) src = NULL;

  self->element = gst_element_factory_make(factory, NULL);
  if (!self->element) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("GStreamer's %s is missing here (Debian: the package %s)"),
                factory, package);
    return FALSE;
  }
  gst_object_ref_sink(self->element);
  self->bus = gst_bus_new();
  gst_element_set_bus(self->element, self->bus);
  sink = gst_element_get_static_pad(self->element, "sink");
  src = gst_element_get_static_pad(self->element, "src");
  self->in = gst_object_ref_sink(gst_pad_new("in", GST_PAD_SRC));
  self->out = gst_object_ref_sink(gst_pad_new("out", GST_PAD_SINK));
  gst_pad_set_element_private(self->out, self);
  gst_pad_set_chain_function(self->out, keep_first);
  gst_pad_set_query_function(self->out, answer);
  self->allocator = cbigan_marked_allocator_new();
  gst_pad_set_active(self->in, TRUE);
  gst_pad_set_active(self->out, TRUE);
  if (gst_pad_link(self->in, sink) == GST_PAD_LINK_OK && gst_pad_link(src, self->out) == GST_PAD_LINK_OK &&
      gst_element_set_state(self->element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE)
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("GStreamer's %s can't be started"), factory);
  return FALSE;
}

static void
close_decoder(Decoder *self)
{
  if (!self->element)
    return;
  gst_element_set_state(self->element, GST_STATE_NULL);
  gst_element_set_bus(self->element, NULL);
  gst_pad_set_active(self->in, FALSE);
  gst_pad_set_active(self->out, FALSE);
  gst_clear_object(&self->in);
  gst_clear_object(&self->out);
  gst_clear_object(&self->bus);
  gst_clear_object(&self->allocator);
  gst_clear_object(&self->element);
}

/* What the element has said was wrong, or its name. */
static void
take_reason(const Decoder *self, const char *factory, GError **error)
{
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(self->bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  g_autoptr(GError) reason = NULL;

  if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
    gst_message_parse_error(message, &reason, NULL);
  else if (message)
    gst_message_parse_warning(message, &reason, NULL);
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s can't decode it: %s"), factory,
              reason ? reason->message : _("the picture's data are damaged"));
}

static gboolean
has_messages(const Decoder *self)
{
  g_autoptr(GstMessage) message = gst_bus_peek(self->bus);

  return message && GST_MESSAGE_TYPE(message) & (GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
}

static GstSample *
decode_by_element(const guint8 *data, gsize size, const char *factory, const char *caps_name, const char *package,
                  GError **error)
{
  Decoder self = { NULL };
  g_autoptr(GstCaps) caps = gst_caps_new_empty_simple(caps_name);
  GstBuffer *buffer = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, (gpointer)data, size, 0, size, NULL, NULL);
  GstSegment segment;
  GstFlowReturn flow = GST_FLOW_ERROR;

  gst_segment_init(&segment, GST_FORMAT_TIME); /* so a buffer is a whole picture */
  GST_BUFFER_PTS(buffer) = 0;
  if (!open_decoder(&self, factory, package, error)) {
    gst_buffer_unref(buffer);
  } else {
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(self.element), "idct-method"))
      gst_util_set_object_arg(G_OBJECT(self.element), "idct-method", "islow");
    gst_pad_push_event(self.in, gst_event_new_stream_start("cbigan-still"));
    gst_pad_push_event(self.in, gst_event_new_caps(caps));
    gst_pad_push_event(self.in, gst_event_new_segment(&segment));
    flow = gst_pad_push(self.in, buffer);
    gst_pad_push_event(self.in, gst_event_new_eos());
    if ((flow != GST_FLOW_OK && flow != GST_FLOW_EOS) || !self.sample || has_messages(&self) ||
        !cbigan_marked_is_written(self.sample)) {
      take_reason(&self, factory, error);
      g_clear_pointer(&self.sample, gst_sample_unref);
    }
  }
  close_decoder(&self);
  return self.sample;
}

typedef struct {
  const guint8 *data;
  gsize size;
  GError *error;
} JpegCheck;

static gpointer
check_jpeg(gpointer data)
{
  JpegCheck *check = data;

  cbigan_jpeg_check(check->data, check->size, &check->error);
  return NULL;
}

/* libjpeg looks for damage in a thread of its own while jpegdec decodes. */
static GstSample *
decode_jpeg(const guint8 *data, gsize size, GError **error)
{
  JpegCheck check = { data, size, NULL };
  GThread *thread = size < SMALL_JPEG ? NULL : g_thread_try_new("cbigan-jpeg", check_jpeg, &check, NULL);
  g_autoptr(GError) reason = NULL;
  GstSample *sample;

  if (!thread)
    check_jpeg(&check);
  sample = check.error && !thread
               ? NULL
               : decode_by_element(data, size, "jpegdec", "image/jpeg", "gstreamer1.0-plugins-good", &reason);
  if (thread)
    g_thread_join(thread);
  if (check.error) {
    g_clear_pointer(&sample, gst_sample_unref);
    g_propagate_error(error, check.error);
  } else if (reason) {
    g_propagate_error(error, g_steal_pointer(&reason));
  }
  return sample;
}

GstSample *
cbigan_still_decode(guint8 *data, const CbiganStill *still, guint page, GError **error)
{
  switch (still->format) {
  case CBIGAN_STILL_JPEG:
    return decode_jpeg(data, still->size, error);
  case CBIGAN_STILL_PNG:
    if ((still->deep || still->interlaced) && !cbigan_png_check(data, still, error))
      return NULL;
    if (still->deep_rgb) /* GStreamer 1.22's pngdec takes its red for alpha */
      return cbigan_pixbuf_decode(data, still->size, "png", error);
    return decode_by_element(data, still->size, "pngdec", "image/png", "gstreamer1.0-plugins-good", error);
  case CBIGAN_STILL_WEBP:
    return decode_by_element(data, still->size, "webpdec", "image/webp", "gstreamer1.0-plugins-bad", error);
  case CBIGAN_STILL_BMP:
    return cbigan_pixbuf_decode(data, still->size, "bmp", error);
  case CBIGAN_STILL_PNM:
    return cbigan_pixbuf_decode(data, still->size, "pnm", error);
  case CBIGAN_STILL_GIF:
    return cbigan_pixbuf_decode(data, still->size, "gif", error);
  case CBIGAN_STILL_TIFF:
    if (still->pictures > 1)
      cbigan_still_choose_page(data, still, page);
    return cbigan_pixbuf_decode(data, still->size, "tiff", error);
  case CBIGAN_STILL_NONE:
    break;
  }
  g_return_val_if_reached(NULL);
}
