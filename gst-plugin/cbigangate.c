/* cbigangate.c - passes only the frames around anomalies
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cbigangate
 * @title: cbigangate
 *
 * Passes the buffers around an anomaly and drops all others: `pre-roll` before the first anomalous frame to `post-roll`
 * after the last one. Such a run of buffers is a clip, and anomalies whose clips touch share one. The gate reads the
 * results that cbiganscore leaves on the buffers (`CbiganScore`). Encoders copy these results, so that the gate may
 * stand behind an encoder. There it holds little memory, and a clip starts at a key frame, up to one key frame interval
 * earlier than `pre-roll` asks for.
 *
 * What waits for an anomaly is bounded by `max-size`; beyond that the oldest frames are dropped, and the pre-roll is
 * shorter. An anomaly that is longer than `max-length` goes on in a new clip. A splitmuxsink downstream is told to
 * start a new file with each clip. Timestamps stay as they are, or follow each other without gaps with continuous=true.
 *
 * Frames of the pre-roll leave late: let the sink behind the gate write files, or set sync=false.
 *
 * ## On the bus
 *
 * Element messages named `cbigan-gate` with `state` (string: `open`, `closed`), `clip` (guint, from 1), `event-id`
 * (guint: the anomaly's number in the `CbiganScore`) and `running-time` (guint64) of the clip's first or last buffer.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 cbigantestsrc defects=0.1 num-buffers=300 ! cbiganscore model=cloth.safetensors ! cbiganoverlay \
 *     ! videoconvert ! jpegenc ! cbigangate pre-roll=1000000000 post-roll=1000000000 \
 *     ! splitmuxsink muxer-factory=matroskamux location=anomaly-%03d.mkv
 * ]|
 * Write one file per anomaly, with a second before and after.
 */
#include "elements.h"
#include "i18n.h"
#include "meta.h"
#include "properties.h"

/* What the streaming thread reads of the properties, once per buffer. */
typedef struct {
  guint64 pre_roll, post_roll, max_length; /* ns; max_length 0 = no limit */
  guint64 max_size;                        /* bytes */
  gboolean continuous, split;
} Settings;

struct _GstCbiganGate {
  GstElement parent;
  GstPad *sink, *src;
  Settings settings; /* under the object lock */
  /* of the streaming thread */
  GstSegment segment;
  GQueue waiting;       /* of GstBuffer: the pre-roll; empty while the gate is open */
  guint64 waiting_size; /* bytes */
  gboolean open;
  gboolean unbroken; /* nothing was dropped since the gate closed: what waits continues the clip */
  guint clip, event_id;
  GstClockTime clip_start, last_anomalous, last_time; /* running times */
  gint64 shift;                                       /* taken off timestamps; 0 unless continuous */
  GstClockTime next_pts;                              /* where a continuous clip goes on */
};

#define GST_TYPE_CBIGAN_GATE (gst_cbigan_gate_get_type())
G_DECLARE_FINAL_TYPE(GstCbiganGate, gst_cbigan_gate, GST, CBIGAN_GATE, GstElement)
G_DEFINE_TYPE(GstCbiganGate, gst_cbigan_gate, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(cbigangate, "cbigangate", GST_RANK_NONE, GST_TYPE_CBIGAN_GATE)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static gboolean
is_key(GstBuffer *buffer)
{
  return !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

/* Running time in decoding order; NONE = the buffer has no timestamp. */
static GstClockTime
time_of(const GstCbiganGate *self, GstBuffer *buffer)
{
  GstClockTime time = GST_BUFFER_DTS_OR_PTS(buffer);
  return self->segment.format == GST_FORMAT_TIME ? gst_segment_to_running_time(&self->segment, GST_FORMAT_TIME, time)
                                                 : GST_CLOCK_TIME_NONE;
}

/* Whether more than `span` lies between two running times; FALSE where one is unknown. */
static gboolean
is_later(GstClockTime from, GstClockTime to, guint64 span)
{
  return GST_CLOCK_TIME_IS_VALID(from) && GST_CLOCK_TIME_IS_VALID(to) && to > from && to - from > span;
}

/* --- the pre-roll --------------------------------------------------------------------------------------------------
 */

static void
post_state(GstCbiganGate *self, const char *state, GstClockTime running_time)
{
  GstStructure *structure =
      gst_structure_new("cbigan-gate", "state", G_TYPE_STRING, state, "clip", G_TYPE_UINT, self->clip, "event-id",
                        G_TYPE_UINT, self->event_id, "running-time", G_TYPE_UINT64, running_time, NULL);
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), structure));
}

/* The clip is over: what comes next does not follow it. */
static void
end_clip(GstCbiganGate *self)
{
  if (self->unbroken || self->open)
    post_state(self, "closed", self->last_time);
  self->unbroken = self->open = FALSE;
}

static void
drop_first(GstCbiganGate *self)
{
  GstBuffer *buffer = g_queue_pop_head(&self->waiting);
  self->waiting_size -= gst_buffer_get_size(buffer);
  gst_buffer_unref(buffer);
  end_clip(self);
}

static void
drop_waiting(GstCbiganGate *self)
{
  while (!g_queue_is_empty(&self->waiting))
    drop_first(self);
}

/* The second key frame that waits, with which the pre-roll can begin as well; NULL = none */
static GstBuffer *
next_start(const GstCbiganGate *self)
{
  for (GList *link = self->waiting.head ? self->waiting.head->next : NULL; link; link = link->next)
    if (is_key(link->data))
      return link->data;
  return NULL;
}

/* Drops what lies before the pre-roll of a clip that would begin at `now`, and what exceeds the memory. */
static void
trim(GstCbiganGate *self, const Settings *settings, GstClockTime now)
{
  for (;;) {
    GstBuffer *start = next_start(self);
    gboolean too_large = self->waiting_size > settings->max_size;
    gboolean too_old = start && GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(time_of(self, start)) &&
                       time_of(self, start) + settings->pre_roll <= now;
    if (!too_large && !too_old)
      return;
    do
      drop_first(self);
    while (!g_queue_is_empty(&self->waiting) && g_queue_peek_head(&self->waiting) != start);
  }
}

/* Elements that lend out a fixed number of buffers would stall while the gate holds them. */
static GstBuffer *
own(GstBuffer *buffer)
{
  guint most = 0;
  if (!buffer->pool)
    return buffer;
  GstStructure *config = gst_buffer_pool_get_config(buffer->pool);
  gst_buffer_pool_config_get_params(config, NULL, NULL, NULL, &most);
  gst_structure_free(config);
  if (most == 0)
    return buffer;
  GstBuffer *copy = gst_buffer_copy_deep(buffer);
  gst_buffer_unref(buffer);
  return copy;
}

/* buffer: transfer full. A new clip begins with a key frame. */
static void
keep(GstCbiganGate *self, const Settings *settings, GstBuffer *buffer, GstClockTime now)
{
  if (g_queue_is_empty(&self->waiting) && !is_key(buffer) && !self->unbroken) {
    gst_buffer_unref(buffer);
    return;
  }
  buffer = own(buffer);
  g_queue_push_tail(&self->waiting, buffer);
  self->waiting_size += gst_buffer_get_size(buffer);
  trim(self, settings, now);
}

/* --- clips ---------------------------------------------------------------------------------------------------------
 */

/* The splitmuxsink that the gate feeds, through elements with one source pad each (transfer full); NULL = none */
static GstElement *
find_splitmuxsink(GstCbiganGate *self)
{
  g_autoptr(GstPad) pad = gst_object_ref(self->src);
  while (pad) {
    g_autoptr(GstPad) peer = gst_pad_get_peer(pad);
    g_autoptr(GstElement) element = peer ? gst_pad_get_parent_element(peer) : NULL;
    GstElementFactory *factory = element ? gst_element_get_factory(element) : NULL;
    if (factory && g_str_equal(GST_OBJECT_NAME(factory), "splitmuxsink"))
      return g_steal_pointer(&element);
    g_clear_object(&pad);
    pad = element ? gst_element_get_static_pad(element, "src") : NULL;
  }
  return NULL;
}

static void
open_gate(GstCbiganGate *self, const Settings *settings, GstBuffer *first)
{
  self->open = TRUE;
  self->clip_start = time_of(self, first);
  if (self->clip > 0 && settings->split) {
    g_autoptr(GstElement) splitmuxsink = find_splitmuxsink(self);
    if (splitmuxsink)
      g_signal_emit_by_name(splitmuxsink, "split-after"); /* what it holds of the clip before stays in that file */
  }
  self->clip++;
  self->shift = 0;
  if (settings->continuous && GST_BUFFER_PTS_IS_VALID(first)) {
    GstClockTime start = GST_CLOCK_TIME_IS_VALID(self->next_pts) ? self->next_pts : self->segment.start;
    self->shift = (gint64)GST_BUFFER_PTS(first) - (gint64)start;
  }
  post_state(self, "open", self->clip_start);
}

static GstClockTime
shifted(const GstCbiganGate *self, GstClockTime time)
{
  if (!GST_CLOCK_TIME_IS_VALID(time))
    return time;
  return (gint64)time > self->shift ? (GstClockTime)((gint64)time - self->shift) : 0;
}

/* buffer: transfer full */
static GstFlowReturn
pass(GstCbiganGate *self, GstBuffer *buffer, gboolean first)
{
  self->last_time = time_of(self, buffer);
  if (first || self->shift) {
    buffer = gst_buffer_make_writable(buffer);
    GST_BUFFER_PTS(buffer) = shifted(self, GST_BUFFER_PTS(buffer));
    GST_BUFFER_DTS(buffer) = shifted(self, GST_BUFFER_DTS(buffer));
    if (first)
      GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  }
  if (GST_BUFFER_PTS_IS_VALID(buffer)) {
    GstClockTime end =
        GST_BUFFER_PTS(buffer) + (GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : 0);
    if (!GST_CLOCK_TIME_IS_VALID(self->next_pts) || end > self->next_pts)
      self->next_pts = end;
  }
  return gst_pad_push(self->src, buffer);
}

static GstFlowReturn
pass_waiting(GstCbiganGate *self, const Settings *settings)
{
  GstFlowReturn flow = GST_FLOW_OK;
  gboolean first = !self->unbroken;
  if (first)
    open_gate(self, settings, g_queue_peek_head(&self->waiting));
  self->open = TRUE;
  self->unbroken = FALSE;
  while (flow == GST_FLOW_OK && !g_queue_is_empty(&self->waiting)) {
    GstBuffer *buffer = g_queue_pop_head(&self->waiting);
    self->waiting_size -= gst_buffer_get_size(buffer);
    flow = pass(self, buffer, first);
    first = FALSE;
  }
  return flow;
}

/* --- the streaming thread ------------------------------------------------------------------------------------------
 */

/* Whether the buffer belongs to an anomaly; *event_id: its number. */
static gboolean
is_anomalous(GstBuffer *buffer, guint *event_id)
{
  const GstStructure *score = cbigan_meta_get(buffer, CBIGAN_SCORE_META);
  gboolean anomalous = FALSE;
  guint id = 0;
  if (!score)
    return FALSE;
  gst_structure_get(score, "anomalous", G_TYPE_BOOLEAN, &anomalous, "event-id", G_TYPE_UINT, &id, NULL);
  *event_id = id;
  return anomalous || id > 0;
}

static GstFlowReturn
chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstCbiganGate *self = GST_CBIGAN_GATE(parent);
  const GstClockTime now = time_of(self, buffer);
  guint event_id = 0;
  cbigan_properties_sync(parent, &self->segment, buffer);
  GST_OBJECT_LOCK(self);
  const Settings settings = self->settings;
  GST_OBJECT_UNLOCK(self);
  gboolean anomalous = is_anomalous(buffer, &event_id);
  if (anomalous) {
    self->last_anomalous = now;
    self->event_id = event_id;
  }
  if (self->open && !anomalous &&
      (!GST_CLOCK_TIME_IS_VALID(now) || is_later(self->last_anomalous, now, settings.post_roll))) {
    self->open = FALSE;
    self->unbroken = TRUE;
  }
  if (self->open && settings.max_length && is_key(buffer) && is_later(self->clip_start, now, settings.max_length)) {
    end_clip(self);
    open_gate(self, &settings, buffer);
    return pass(self, buffer, TRUE);
  }
  if (self->open)
    return pass(self, buffer, FALSE);
  keep(self, &settings, buffer, now);
  return anomalous && !g_queue_is_empty(&self->waiting) ? pass_waiting(self, &settings) : GST_FLOW_OK;
}

static void
forget(GstCbiganGate *self)
{
  drop_waiting(self);
  end_clip(self);
  self->last_anomalous = self->last_time = self->clip_start = self->next_pts = GST_CLOCK_TIME_NONE;
}

static gboolean
sink_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstCbiganGate *self = GST_CBIGAN_GATE(parent);
  switch (GST_EVENT_TYPE(event)) {
  case GST_EVENT_CAPS: /* what waits is of the caps before */
    drop_waiting(self);
    break;
  case GST_EVENT_SEGMENT:
    drop_waiting(self);
    gst_event_copy_segment(event, &self->segment);
    break;
  case GST_EVENT_EOS:
    drop_waiting(self);
    end_clip(self);
    break;
  case GST_EVENT_FLUSH_STOP:
    forget(self);
    gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
    break;
  default:
    break;
  }
  return gst_pad_event_default(pad, parent, event);
}

static GstStateChangeReturn
gst_cbigan_gate_change_state(GstElement *element, GstStateChange transition)
{
  GstCbiganGate *self = GST_CBIGAN_GATE(element);
  GstStateChangeReturn result = GST_ELEMENT_CLASS(gst_cbigan_gate_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    forget(self);
    self->clip = 0;
    gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
  }
  return result;
}

/* --- properties ----------------------------------------------------------------------------------------------------
 */

#define FLAGS (GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE)
#define NUMBER(NAME, FIELD, INITIAL, NICK, BLURB)                                                                      \
  {                                                                                                                    \
    .name = NAME, .kind = CBIGAN_PROPERTY_UINT64, .offset = G_STRUCT_OFFSET(Settings, FIELD), .initial = INITIAL,      \
    .flags = FLAGS, .nick = NICK, .blurb = BLURB                                                                       \
  }
#define FLAG(NAME, FIELD, INITIAL, NICK, BLURB)                                                                        \
  {                                                                                                                    \
    .name = NAME, .kind = CBIGAN_PROPERTY_BOOLEAN, .offset = G_STRUCT_OFFSET(Settings, FIELD), .initial = INITIAL,     \
    .flags = FLAGS, .nick = NICK, .blurb = BLURB                                                                       \
  }
static const CbiganProperty properties[] = {
  NUMBER("pre-roll", pre_roll, 2e9, N_("Pre-roll"), N_("Time to pass before the first anomalous frame, in ns")),
  NUMBER("post-roll", post_roll, 2e9, N_("Post-roll"), N_("Time to pass after the last anomalous frame, in ns")),
  NUMBER("max-length", max_length, 0, N_("Maximum length"),
         N_("Length of a clip, in ns, after which a new one begins (0 = no limit)")),
  NUMBER("max-size", max_size, 256 << 20, N_("Maximum size"),
         N_("Bytes that may wait for an anomaly; the oldest are dropped")),
  FLAG("continuous", continuous, FALSE, N_("Continuous"),
       N_("Let the timestamps of the clips follow each other without gaps")),
  FLAG("split", split, TRUE, N_("Split"), N_("Tell a splitmuxsink downstream to begin a file with each clip")),
};

static void
gst_cbigan_gate_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GST_OBJECT_LOCK(object);
  cbigan_property_set(&properties[id - 1], &GST_CBIGAN_GATE(object)->settings, value);
  GST_OBJECT_UNLOCK(object);
}

static void
gst_cbigan_gate_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GST_OBJECT_LOCK(object);
  cbigan_property_get(&properties[id - 1], &GST_CBIGAN_GATE(object)->settings, value);
  GST_OBJECT_UNLOCK(object);
}

static void
gst_cbigan_gate_finalize(GObject *object)
{
  drop_waiting(GST_CBIGAN_GATE(object));
  G_OBJECT_CLASS(gst_cbigan_gate_parent_class)->finalize(object);
}

static void
gst_cbigan_gate_class_init(GstCbiganGateClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);
  object_class->set_property = gst_cbigan_gate_set_property;
  object_class->get_property = gst_cbigan_gate_get_property;
  object_class->finalize = gst_cbigan_gate_finalize;
  cbigan_properties_install(object_class, properties, G_N_ELEMENTS(properties));
  element_class->change_state = gst_cbigan_gate_change_state;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_metadata(element_class, _("CBiGAN gate"), "Filter/Video",
                                 _("Passes only the frames around anomalies"), CBIGAN_AUTHOR);
}

static void
gst_cbigan_gate_init(GstCbiganGate *self)
{
  cbigan_properties_init(properties, G_N_ELEMENTS(properties), &self->settings);
  g_queue_init(&self->waiting);
  gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
  forget(self);
  self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sink, chain);
  gst_pad_set_event_function(self->sink, sink_event);
  GST_PAD_SET_PROXY_CAPS(self->sink);
  self->src = gst_pad_new_from_static_template(&src_template, "src");
  GST_PAD_SET_PROXY_CAPS(self->src);
  gst_element_add_pad(GST_ELEMENT(self), self->sink);
  gst_element_add_pad(GST_ELEMENT(self), self->src);
}
