/* cbiganjson.c - turns the results of cbiganscore into lines of JSON
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cbiganjson
 * @title: cbiganjson
 *
 * Takes buffers that carry a result of cbiganscore (`CbiganScore`) and gives one line of JSON per buffer, for filesink,
 * fdsink or tcpserversink. The pixels are dropped. Buffers without a result give nothing. docs/json.md describes the
 * fields; `version` grows when a field is removed or changes its meaning.
 *
 * A reader that stops reading blocks fdsink, as any pipe does. With `queue leaky=downstream` in front of this element
 * the video goes on, and the oldest lines are lost.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 cbigantestsrc defects=0.3 num-buffers=60 ! cbiganscore model=cloth.safetensors ! cbiganjson \
 *     ! filesink location=scores.jsonl
 * ]|
 * Write one line per frame to a file.
 * |[
 * gst-launch-1.0 -q cbigantestsrc defects=0.3 num-buffers=60 ! cbiganscore model=cloth.safetensors \
 *     ! cbiganjson anomalous-only=true ! fdsink
 * ]|
 * Print the anomalous frames only.
 */
#include <string.h>

#include "elements.h"
#include "i18n.h"
#include "meta.h"
#include "properties.h"
#include "score_json.h"

typedef struct {
  gboolean stale, anomalous_only, changes_only;
} Settings;

struct _GstCbiganJson {
  GstElement parent;
  GstPad *sink, *src;
  GstSegment segment; /* of the streaming thread, and: */
  guint64 scored_pts; /* of the last score */
  guint event_id;     /* of the last score; 0 = no anomaly was open */
  Settings settings;  /* under the object lock */
};

#define GST_TYPE_CBIGAN_JSON (gst_cbigan_json_get_type())
G_DECLARE_FINAL_TYPE(GstCbiganJson, gst_cbigan_json, GST, CBIGAN_JSON, GstElement)
G_DEFINE_TYPE(GstCbiganJson, gst_cbigan_json, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(cbiganjson, "cbiganjson", GST_RANK_NONE, GST_TYPE_CBIGAN_JSON)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-ndjson"));

/* (transfer full) the text of a buffer's line, with its line feed */
static char *
line_of(GstCbiganJson *self, GstBuffer *buffer, const GstStructure *score)
{
  g_autoptr(JsonBuilder) builder = cbigan_json_begin();
  cbigan_json_add_buffer(builder, GST_ELEMENT(self), &self->segment, buffer);
  cbigan_json_add_score(builder, score);
  g_autofree char *text = cbigan_json_end(builder);
  return g_strconcat(text, "\n", NULL);
}

/* --- the streaming thread ------------------------------------------------------------------------------------------
 */

static gboolean
is_wanted(GstCbiganJson *self, const GstStructure *score)
{
  gboolean stale = FALSE, anomalous = FALSE;
  guint64 scored_pts = GST_CLOCK_TIME_NONE;
  gst_structure_get(score, "stale", G_TYPE_BOOLEAN, &stale, "anomalous", G_TYPE_BOOLEAN, &anomalous, "scored-pts",
                    G_TYPE_UINT64, &scored_pts, NULL);
  /* Where frames pass before they are scored, a new result comes on a later frame. */
  stale = stale && scored_pts == self->scored_pts;
  self->scored_pts = scored_pts;
  guint event_id = 0;
  gst_structure_get_uint(score, "event-id", &event_id);
  gboolean changed = event_id != self->event_id;
  self->event_id = event_id;
  GST_OBJECT_LOCK(self);
  gboolean wanted = (changed || !self->settings.changes_only) && (!stale || self->settings.stale) &&
                    (anomalous || !self->settings.anomalous_only);
  GST_OBJECT_UNLOCK(self);
  return wanted;
}

static GstFlowReturn
chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstCbiganJson *self = GST_CBIGAN_JSON(parent);
  g_autoptr(GstBuffer) owned = buffer;
  const GstStructure *score = cbigan_meta_get(buffer, CBIGAN_SCORE_META);
  cbigan_properties_sync(parent, &self->segment, buffer);
  if (!score || !is_wanted(self, score))
    return GST_FLOW_OK;
  char *line = line_of(self, buffer, score);
  GstBuffer *text = gst_buffer_new_wrapped(line, strlen(line));
  gst_buffer_copy_into(text, buffer, GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  return gst_pad_push(self->src, text);
}

static gboolean
sink_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstCbiganJson *self = GST_CBIGAN_JSON(parent);
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT)
    gst_event_copy_segment(event, &self->segment);
  if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START) {
    self->event_id = 0;
    self->scored_pts = GST_CLOCK_TIME_NONE;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
    return gst_pad_event_default(pad, parent, event);
  gst_event_unref(event);
  g_autoptr(GstCaps) caps = gst_static_pad_template_get_caps(&src_template);
  return gst_pad_push_event(self->src, gst_event_new_caps(caps));
}

/* --- the element ---------------------------------------------------------------------------------------------------
 */

#define FLAGS (GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE)
static const CbiganProperty properties[] = {
  { .name = "stale",
    .kind = CBIGAN_PROPERTY_BOOLEAN,
    .offset = G_STRUCT_OFFSET(Settings, stale),
    .flags = FLAGS,
    .nick = N_("Stale"),
    .blurb = N_("Give a line for each frame that carries a result that an earlier frame carried") },
  { .name = "anomalous-only",
    .kind = CBIGAN_PROPERTY_BOOLEAN,
    .offset = G_STRUCT_OFFSET(Settings, anomalous_only),
    .flags = FLAGS,
    .nick = N_("Anomalous only"),
    .blurb = N_("Give a line for anomalous frames only") },
  { .name = "changes-only",
    .kind = CBIGAN_PROPERTY_BOOLEAN,
    .offset = G_STRUCT_OFFSET(Settings, changes_only),
    .flags = FLAGS,
    .nick = N_("Changes only"),
    .blurb = N_("Give a line only when an anomaly begins or ends") },
};

static void
gst_cbigan_json_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GST_OBJECT_LOCK(object);
  cbigan_property_set(&properties[id - 1], &GST_CBIGAN_JSON(object)->settings, value);
  GST_OBJECT_UNLOCK(object);
}

static void
gst_cbigan_json_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GST_OBJECT_LOCK(object);
  cbigan_property_get(&properties[id - 1], &GST_CBIGAN_JSON(object)->settings, value);
  GST_OBJECT_UNLOCK(object);
}

static void
gst_cbigan_json_class_init(GstCbiganJsonClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);
  object_class->set_property = gst_cbigan_json_set_property;
  object_class->get_property = gst_cbigan_json_get_property;
  cbigan_properties_install(object_class, properties, G_N_ELEMENTS(properties));
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_metadata(element_class, _("CBiGAN results as JSON"), "Converter/Metadata",
                                 _("Turns the results of cbiganscore into lines of JSON"), CBIGAN_AUTHOR);
}

static void
gst_cbigan_json_init(GstCbiganJson *self)
{
  gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
  self->scored_pts = GST_CLOCK_TIME_NONE;
  self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sink, chain);
  gst_pad_set_event_function(self->sink, sink_event);
  self->src = gst_pad_new_from_static_template(&src_template, "src");
  gst_element_add_pad(GST_ELEMENT(self), self->sink);
  gst_element_add_pad(GST_ELEMENT(self), self->src);
}
