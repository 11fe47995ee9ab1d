/* cbiganpublish.c - sends what cbiganscore finds to a message broker
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cbiganpublish
 * @title: cbiganpublish
 *
 * Passes video unchanged, and tells an MQTT or a Kafka broker what cbiganscore has found. docs/json.md describes the
 * messages, docs/fleet.md how a plant of many cameras uses them. The topic is a template: `{camera}` becomes the
 * camera's name, and `{kind}` one of
 *
 * * `events`: an anomaly begins or ends,
 * * `scores`: the newest score, every `scores-interval` (if not 0),
 * * `health`: figures of the stream, every `health-interval`, and when what is wrong with its pictures changes,
 * * `status`: `online` or `offline`; an MQTT broker keeps the newest one for later subscribers,
 * * `frame`, `map`: the picture and the map of the frame at which an anomaly began, as JPEG, if `pictures` says so.
 *
 * No failure of the broker, the network or the disk holds up or ends the stream. Messages wait in a queue, and with
 * `spool` in a file on the disk, and leave in order when the broker is back. A message comes at least once: `session`
 * and `sequence` tell a second copy. What had to be dropped is counted in `stats`. Troubles and their end are warnings
 * and infos on the bus.
 *
 * User and password stand in the file `credentials` (lines `user=…`, `password=…`; for Kafka any setting of librdkafka
 * as well). Certificates are checked unless `insecure` is set. These files are read at every connection.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 cbigantestsrc defects=0.1 num-buffers=300 ! cbiganscore model=cloth.safetensors \
 *     ! cbiganpublish uri=mqtt://localhost camera=cam-7 ! fakesink
 * ]|
 * Send the anomalies of a stream to the topic `plant/cam-7/events`.
 */
#include <gst/base/gstbasetransform.h>
#include <string.h>

#include "elements.h"
#include "i18n.h"
#include "meta.h"
#include "properties.h"
#include "publish/messages.h"
#include "publish/sender.h"

typedef struct {
  char *uri, *camera, *topic, *client, *credentials, *ca_file, *cert_file, *key_file, *spool;
  gboolean insecure;
  guint scores_interval, health_interval, queue_size, stop_timeout;
  guint64 spool_size, spool_age;
  CbiganPublishPictures pictures;
} Settings;

struct _GstCbiganPublish {
  GstBaseTransform parent;
  Settings settings;    /* under the object lock; unchanged from start() to stop() */
  CbiganSender *sender; /* under the object lock; NULL = stopped */
  CbiganPublisher *publisher;
  GstStructure *last_stats; /* under the object lock: of the run before; NULL = there was none */
  char *servers, *camera, *client;
};

#define GST_TYPE_CBIGAN_PUBLISH (gst_cbigan_publish_get_type())
G_DECLARE_FINAL_TYPE(GstCbiganPublish, gst_cbigan_publish, GST, CBIGAN_PUBLISH, GstBaseTransform)
G_DEFINE_TYPE(GstCbiganPublish, gst_cbigan_publish, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(cbiganpublish, "cbiganpublish", GST_RANK_NONE, GST_TYPE_CBIGAN_PUBLISH)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

/* --- start and stop ------------------------------------------------------------------------------------------------
 */

static void
on_tell(gboolean bad, const char *text, gpointer data)
{
  GstCbiganPublish *self = data;
  if (bad)
    GST_ELEMENT_WARNING(self, RESOURCE, WRITE, ("%s", text), (NULL));
  else
    GST_ELEMENT_INFO(self, RESOURCE, WRITE, ("%s", text), (NULL));
}

static void
on_tick(gpointer data)
{
  GstCbiganPublish *self = data;
  GST_OBJECT_LOCK(self);
  CbiganSender *sender = self->sender; /* this call is in its thread, so that it lives */
  GST_OBJECT_UNLOCK(self);
  if (!sender)
    return;
  g_autoptr(GstStructure) stats = cbigan_sender_stats(sender);
  cbigan_publisher_push_health(self->publisher, sender, stats);
}

/* What a run has made, without the sender. */
static void
clear_run(GstCbiganPublish *self)
{
  g_clear_pointer(&self->publisher, cbigan_publisher_free);
  g_clear_pointer(&self->servers, g_free);
  g_clear_pointer(&self->camera, g_free);
  g_clear_pointer(&self->client, g_free);
}

static gboolean
start(GstBaseTransform *base)
{
  GstCbiganPublish *self = GST_CBIGAN_PUBLISH(base);
  const Settings *s = &self->settings;
  const char *kind = NULL;
  gboolean tls = FALSE;
  g_autoptr(GError) error = NULL;
  self->camera = s->camera ? g_strdup(s->camera) : gst_object_get_name(GST_OBJECT(self));
  self->client = s->client ? g_strdup(s->client) : g_strdup_printf("cbigan-%s", self->camera);
  if (!s->uri) {
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, (_("the property “uri” is missing: the broker")), (NULL));
    clear_run(self);
    return FALSE;
  }
  if (!cbigan_broker_parse(s->uri, &kind, &self->servers, &tls, &error) ||
      !(self->publisher = cbigan_publisher_new(GST_ELEMENT(self), kind, self->camera, s->topic, &error))) {
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message), (NULL));
    clear_run(self);
    return FALSE;
  }
  CbiganSenderOptions options = {
    .kind = kind,
    .address = { self->servers, tls, self->client, s->credentials, s->ca_file, s->cert_file, s->key_file, s->insecure },
    .key = self->camera,
    .queue_size = s->queue_size,
    .spool = s->spool,
    .spool_size = s->spool_size,
    .spool_age = s->spool_age,
    .interval = s->health_interval,
    .tick = on_tick,
    .tell = on_tell,
    .data = self,
  };
  cbigan_publisher_status(self->publisher, &options.online, &options.offline);
  CbiganSender *sender = cbigan_sender_new(&options, &error);
  if (!sender) {
    GST_ELEMENT_ERROR(self, RESOURCE, FAILED, ("%s", error->message), (NULL));
    clear_run(self);
    return FALSE;
  }
  GST_OBJECT_LOCK(self);
  self->sender = sender;
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static gboolean
stop(GstBaseTransform *base)
{
  GstCbiganPublish *self = GST_CBIGAN_PUBLISH(base);
  if (self->sender) {
    CbiganSender *sender = self->sender;
    cbigan_publisher_finish(self->publisher, sender);
    GST_OBJECT_LOCK(self);
    self->sender = NULL;
    GST_OBJECT_UNLOCK(self);
    GstStructure *stats = cbigan_sender_free(sender, self->settings.stop_timeout);
    GST_OBJECT_LOCK(self);
    g_clear_pointer(&self->last_stats, gst_structure_free);
    self->last_stats = stats;
    GST_OBJECT_UNLOCK(self);
  }
  clear_run(self);
  return TRUE;
}

/* --- the streaming thread ------------------------------------------------------------------------------------------
 */

static GstFlowReturn
transform_ip(GstBaseTransform *base, GstBuffer *buffer)
{
  GstCbiganPublish *self = GST_CBIGAN_PUBLISH(base);
  const GstStructure *score = cbigan_meta_get(buffer, CBIGAN_SCORE_META);
  GST_OBJECT_LOCK(self);
  const CbiganPublishChoice choice = { self->settings.scores_interval, self->settings.health_interval > 0,
                                       self->settings.pictures };
  GST_OBJECT_UNLOCK(self);
  g_autoptr(GstCaps) caps = choice.pictures ? gst_pad_get_current_caps(base->sinkpad) : NULL;
  cbigan_publisher_push_frame(self->publisher, self->sender, &choice, &base->segment, caps, buffer, score);
  return GST_FLOW_OK;
}

static gboolean
sink_event(GstBaseTransform *base, GstEvent *event)
{
  GstCbiganPublish *self = GST_CBIGAN_PUBLISH(base);
  if (self->sender && (GST_EVENT_TYPE(event) == GST_EVENT_EOS || GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START))
    cbigan_publisher_finish(self->publisher, self->sender);
  return GST_BASE_TRANSFORM_CLASS(gst_cbigan_publish_parent_class)->sink_event(base, event);
}

/* --- properties ----------------------------------------------------------------------------------------------------
 */

static GType pictures_get_type(void);
CBIGAN_DEFINE_ENUM(CbiganPublishPictures, pictures_get_type, { CBIGAN_PUBLISH_NO_PICTURES, N_("None"), "none" },
                   { CBIGAN_PUBLISH_FRAME, N_("The frame"), "frame" }, { CBIGAN_PUBLISH_MAP, N_("The map"), "map" },
                   { CBIGAN_PUBLISH_FRAME | CBIGAN_PUBLISH_MAP, N_("Frame and map"), "both" })

#define AT_START GST_PARAM_MUTABLE_READY
#define ALWAYS (GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE)
#define TEXT(NAME, FIELD, NICK, BLURB)                                                                                 \
  {                                                                                                                    \
    .name = NAME, .kind = CBIGAN_PROPERTY_STRING, .offset = G_STRUCT_OFFSET(Settings, FIELD), .flags = AT_START,       \
    .nick = NICK, .blurb = BLURB                                                                                       \
  }
#define NUMBER(NAME, FIELD, LEAST, INITIAL, FLAGS, NICK, BLURB)                                                        \
  {                                                                                                                    \
    .name = NAME, .kind = CBIGAN_PROPERTY_UINT, .offset = G_STRUCT_OFFSET(Settings, FIELD), .minimum = LEAST,          \
    .maximum = 1e9, .initial = INITIAL, .flags = FLAGS, .nick = NICK, .blurb = BLURB                                   \
  }
#define LARGE_NUMBER(NAME, FIELD, INITIAL, NICK, BLURB)                                                                \
  {                                                                                                                    \
    .name = NAME, .kind = CBIGAN_PROPERTY_UINT64, .offset = G_STRUCT_OFFSET(Settings, FIELD), .initial = INITIAL,      \
    .flags = AT_START, .nick = NICK, .blurb = BLURB                                                                    \
  }
static const CbiganProperty properties[] = {
  TEXT("uri", uri, "URI", N_("The broker: mqtt://HOST, mqtts://HOST or kafka://HOST,HOST…, each with :PORT if needed")),
  TEXT("camera", camera, N_("Camera"), N_("Name of the camera (NULL = the element's name)")),
  TEXT("topic", topic, N_("Topic"),
       N_("Template with {camera} and {kind} (NULL = plant/{camera}/{kind} for MQTT, plant.{kind} for Kafka)")),
  TEXT("client", client, N_("Client"), N_("Name at the broker, there only once (NULL = cbigan-CAMERA)")),
  TEXT("credentials", credentials, N_("Credentials"), N_("File with lines user=… and password=… (NULL = none)")),
  TEXT("ca-file", ca_file, N_("Authorities"), N_("PEM file of trusted authorities (NULL = the system's)")),
  TEXT("cert-file", cert_file, N_("Certificate"), N_("PEM file of this client's certificate (NULL = none)")),
  TEXT("key-file", key_file, N_("Key"), N_("PEM file of this client's private key (NULL = none)")),
  { .name = "insecure",
    .kind = CBIGAN_PROPERTY_BOOLEAN,
    .offset = G_STRUCT_OFFSET(Settings, insecure),
    .flags = AT_START,
    .nick = N_("Insecure"),
    .blurb = N_("Take any certificate: for tests only") },
  NUMBER("scores-interval", scores_interval, 0, 0, ALWAYS, N_("Interval of scores"),
         N_("Time between messages of scores, in ms (0 = no such messages)")),
  NUMBER("health-interval", health_interval, 0, 10000, AT_START, N_("Interval of health"),
         N_("Time between messages of health, in ms (0 = no such messages)")),
  { .name = "pictures",
    .kind = CBIGAN_PROPERTY_ENUM,
    .offset = G_STRUCT_OFFSET(Settings, pictures),
    .type = pictures_get_type,
    .flags = ALWAYS,
    .nick = N_("Pictures"),
    .blurb = N_("Send pictures of the begin of an anomaly, as JPEG") },
  NUMBER("queue-size", queue_size, 1, 1000, AT_START, N_("Size of the queue"),
         N_("Messages that may wait in memory; the oldest are dropped")),
  TEXT("spool", spool, N_("Spool"), N_("File in which messages wait while the broker is away (NULL = none)")),
  LARGE_NUMBER("spool-size", spool_size, 256 << 20, N_("Size of the spool"),
               N_("Bytes that may wait in the spool; the oldest are dropped")),
  LARGE_NUMBER("spool-age", spool_age, 7 * 24 * 3600, N_("Age in the spool"),
               N_("Time that a message may wait in the spool, in s (0 = no limit)")),
  NUMBER("stop-timeout", stop_timeout, 0, 2000, AT_START, N_("Stop timeout"),
         N_("Time to wait for the broker when the stream stops, in ms")),
};
#define STATS (G_N_ELEMENTS(properties) + 1)

static void
gst_cbigan_publish_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GST_OBJECT_LOCK(object);
  cbigan_property_set(&properties[id - 1], &GST_CBIGAN_PUBLISH(object)->settings, value);
  GST_OBJECT_UNLOCK(object);
}

static void
gst_cbigan_publish_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstCbiganPublish *self = GST_CBIGAN_PUBLISH(object);
  GST_OBJECT_LOCK(self);
  if (id != STATS)
    cbigan_property_get(&properties[id - 1], &self->settings, value);
  else if (self->sender)
    g_value_take_boxed(value, cbigan_sender_stats(self->sender));
  else
    g_value_set_boxed(value, self->last_stats);
  GST_OBJECT_UNLOCK(self);
}

static void
gst_cbigan_publish_finalize(GObject *object)
{
  GstCbiganPublish *self = GST_CBIGAN_PUBLISH(object);
  for (guint i = 0; i < G_N_ELEMENTS(properties); i++)
    if (properties[i].kind == CBIGAN_PROPERTY_STRING)
      g_free(G_STRUCT_MEMBER(char *, &self->settings, properties[i].offset));
  g_clear_pointer(&self->last_stats, gst_structure_free);
  G_OBJECT_CLASS(gst_cbigan_publish_parent_class)->finalize(object);
}

static void
gst_cbigan_publish_class_init(GstCbiganPublishClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS(class);
  object_class->set_property = gst_cbigan_publish_set_property;
  object_class->get_property = gst_cbigan_publish_get_property;
  object_class->finalize = gst_cbigan_publish_finalize;
  cbigan_properties_install(object_class, properties, G_N_ELEMENTS(properties));
  g_object_class_install_property(
      object_class, STATS,
      g_param_spec_boxed("stats", _("Statistics"),
                         _("Figures: connected, connections, messages, acknowledged, refused, queued, spooled, "
                           "spool-bytes, dropped"),
                         GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  base_class->start = start;
  base_class->stop = stop;
  base_class->transform_ip = transform_ip;
  base_class->sink_event = sink_event;
  base_class->passthrough_on_same_caps = TRUE;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_metadata(element_class, _("CBiGAN results to a broker"), "Filter/Network/Metadata",
                                 _("Sends what cbiganscore finds to an MQTT or a Kafka broker"), CBIGAN_AUTHOR);
}

static void
gst_cbigan_publish_init(GstCbiganPublish *self)
{
  cbigan_properties_init(properties, G_N_ELEMENTS(properties), &self->settings);
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}
