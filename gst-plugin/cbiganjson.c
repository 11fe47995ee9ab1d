/* cbiganjson.c - turns the results of cbiganscore into lines of JSON
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cbiganjson
 * @title: cbiganjson
 *
 * Takes buffers that carry a `CbiganScore` and gives one line of JSON per buffer, for filesink, fdsink or
 * tcpserversink. The pixels are dropped. Buffers without a score give nothing. docs/json.md describes the fields;
 * `version` changes when a field is removed or changes its meaning.
 *
 * A reader that stops reading blocks fdsink, as any pipe does. With `queue leaky=downstream` in front of this
 * element the video goes on, and the oldest lines are lost.
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
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "elements.h"
#include "i18n.h"
#include "meta.h"
#include "properties.h"

#define VERSION_OF_LINES 1

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

/* --- one line ------------------------------------------------------------------------------------------------------
 */

/* JSON has no NaN and no infinity: null stands for both. */
static void
add_double(JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name(builder, name);
  if (isfinite(value))
    json_builder_add_double_value(builder, value);
  else
    json_builder_add_null_value(builder);
}

static void
add_time(JsonBuilder *builder, const char *name, GstClockTime time)
{
  json_builder_set_member_name(builder, name);
  if (GST_CLOCK_TIME_IS_VALID(time) && time <= G_MAXINT64)
    json_builder_add_int_value(builder, (gint64)time);
  else
    json_builder_add_null_value(builder);
}

static void
add_string(JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name(builder, name);
  if (value)
    json_builder_add_string_value(builder, value);
  else
    json_builder_add_null_value(builder);
}

static void
add_regions(JsonBuilder *builder, const GValue *regions)
{
  static const char *const fields[] = { "x", "y", "w", "h", "peak" };
  json_builder_set_member_name(builder, "regions");
  json_builder_begin_array(builder);
  for (guint i = 0; regions && i < gst_value_array_get_size(regions); i++) {
    const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, i));
    json_builder_begin_object(builder);
    for (guint k = 0; k < G_N_ELEMENTS(fields); k++) {
      double value = NAN;
      gst_structure_get_double(region, fields[k], &value);
      add_double(builder, fields[k], value);
    }
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

static void
add_score(JsonBuilder *builder, const GstStructure *score)
{
  static const char *const numbers[] = { "score", "threshold", "normalized" };
  static const char *const flags[] = { "anomalous", "stale" };
  guint event_id = 0;
  guint64 scored_pts = GST_CLOCK_TIME_NONE;
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
    double value = NAN;
    gst_structure_get_double(score, numbers[i], &value);
    add_double(builder, numbers[i], value);
  }
  for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
    gboolean value = FALSE;
    gst_structure_get_boolean(score, flags[i], &value);
    json_builder_set_member_name(builder, flags[i]);
    json_builder_add_boolean_value(builder, value);
  }
  gst_structure_get_uint(score, "event-id", &event_id);
  json_builder_set_member_name(builder, "event_id");
  json_builder_add_int_value(builder, event_id);
  gst_structure_get_uint64(score, "scored-pts", &scored_pts);
  add_time(builder, "scored_pts", scored_pts);
  add_string(builder, "model", gst_structure_get_string(score, "model"));
  add_regions(builder, gst_structure_get_value(score, "regions"));
}

/* Wall-clock time at which the frame of that running time was due (transfer full); NULL = the pipeline has no clock. */
static char *
utc_of(GstCbiganJson *self, GstClockTime running_time)
{
  g_autoptr(GstClock) clock = gst_element_get_clock(GST_ELEMENT(self));
  const GstClockTime base = gst_element_get_base_time(GST_ELEMENT(self));
  if (!clock || !GST_CLOCK_TIME_IS_VALID(running_time) || !GST_CLOCK_TIME_IS_VALID(base))
    return NULL;
  const gint64 age = (gint64)(gst_clock_get_time(clock) - base - running_time); /* ns, negative = in the future */
  const gint64 microseconds = g_get_real_time() - age / 1000;
  g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc(microseconds / G_USEC_PER_SEC);
  g_autoptr(GDateTime) time = second ? g_date_time_add(second, microseconds % G_USEC_PER_SEC) : NULL;
  return time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S.%fZ") : NULL;
}

/* (transfer full) the text of a buffer's line, with its line feed */
static char *
line_of(GstCbiganJson *self, GstBuffer *buffer, const GstStructure *score)
{
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  const GstClockTime running_time = self->segment.format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID(pts)
                                        ? gst_segment_to_running_time(&self->segment, GST_FORMAT_TIME, pts)
                                        : GST_CLOCK_TIME_NONE;
  g_autofree char *utc = utc_of(self, running_time);
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  json_builder_set_member_name(builder, "version");
  json_builder_add_int_value(builder, VERSION_OF_LINES);
  add_time(builder, "pts", pts);
  add_time(builder, "running_time", running_time);
  add_string(builder, "utc", utc);
  add_score(builder, score);
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  g_autofree char *text = json_to_string(root, FALSE);
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
