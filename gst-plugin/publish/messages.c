/* messages.c - what cbiganpublish says of a stream, as JSON
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "messages.h"

#include <cbigan.h>
#include <string.h>

#include "i18n.h"
#include "score_json.h"

typedef enum { EVENTS, SCORES, HEALTH, STATUS, FRAME, MAP, N_KINDS } Kind;
static const char *const kinds[N_KINDS] = { "events", "scores", "health", "status", "frame", "map" };

struct _CbiganPublisher {
  GstElement *element;
  char *camera, *session;
  char *topics[N_KINDS];
  char *online, *offline; /* JSON */
  /* of the streaming thread */
  guint event_id; /* of the anomaly that is open; 0 = none */
  guint64 event_sequence;
  GstStructure *last;       /* the newest score while an anomaly is open; NULL = none is */
  gint64 next_scores;       /* monotonic time, us */
  guint64 said_pts;         /* scored-pts of the last message of scores */
  guint64 events, n_scores; /* messages */
  GMutex lock;
  /* under the lock */
  guint64 frames, results, anomalous, scored_pts;
  GstClockTime last_pts;
  char *pictures;        /* the newest score's `health`; NULL = good */
  guint64 health;        /* messages */
  guint64 frames_before; /* at the health message before */
  gint64 health_before;  /* monotonic time of it, us */
};

/* --- topics --------------------------------------------------------------------------------------------------------
 */

static char *
replace(const char *text, const char *from, const char *to)
{
  g_auto(GStrv) parts = g_strsplit(text, from, -1);
  return g_strjoinv(to, parts);
}

/* A topic has no wildcards, and Kafka's has few characters. */
static gboolean
is_topic(const char *topic, gboolean kafka)
{
  if (!kafka)
    return !strpbrk(topic, "+#") && strlen(topic) < G_MAXUINT16;
  for (const char *c = topic; *c; c++)
    if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
      return FALSE;
  return strlen(topic) < 250;
}

static gboolean
make_topics(CbiganPublisher *self, const char *kind, const char *template, GError **error)
{
  const gboolean kafka = g_str_equal(kind, "kafka");
  if (!template)
    template = kafka ? "plant.{kind}" : "plant/{camera}/{kind}";
  if (!strstr(template, "{kind}")) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, _("topic: “%s” has no {kind}"), template);
    return FALSE;
  }
  g_autofree char *of_camera = replace(template, "{camera}", self->camera);
  for (guint i = 0; i < N_KINDS; i++) {
    self->topics[i] = replace(of_camera, "{kind}", kinds[i]);
    if (!g_utf8_validate(self->topics[i], -1, NULL) || !is_topic(self->topics[i], kafka)) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                  kafka ? _("topic: “%s” is no topic of Kafka; expected letters, digits and . _ -")
                        : _("topic: “%s” is no topic of MQTT; expected UTF-8 without + and #"),
                  self->topics[i]);
      return FALSE;
    }
  }
  return TRUE;
}

/* --- JSON ----------------------------------------------------------------------------------------------------------
 */

/* An object with the members that all kinds share. sequence: 0 = none. */
static JsonBuilder *
begin(const CbiganPublisher *self, Kind kind, guint64 sequence)
{
  JsonBuilder *builder = cbigan_json_begin();
  cbigan_json_add_string(builder, "kind", kinds[kind]);
  cbigan_json_add_string(builder, "camera", self->camera);
  cbigan_json_add_string(builder, "session", self->session);
  if (sequence) {
    json_builder_set_member_name(builder, "sequence");
    json_builder_add_int_value(builder, (gint64)sequence);
  }
  return builder;
}

static void
add_count(JsonBuilder *builder, const char *name, guint64 count)
{
  json_builder_set_member_name(builder, name);
  json_builder_add_int_value(builder, (gint64)count);
}

static void
push(const CbiganPublisher *self, CbiganSender *sender, Kind kind, JsonBuilder *builder)
{
  char *text = cbigan_json_end(builder);
  cbigan_sender_push(sender, self->topics[kind], NULL, g_bytes_new_take(text, strlen(text)));
}

static char *
status_text(const CbiganPublisher *self, const char *state)
{
  g_autoptr(JsonBuilder) builder = begin(self, STATUS, 0);
  cbigan_json_add_string(builder, "state", state);
  return cbigan_json_end(builder);
}

/* --- events --------------------------------------------------------------------------------------------------------
 */

static void
push_event(CbiganPublisher *self, CbiganSender *sender, const char *event, guint id, const GstSegment *segment,
           GstBuffer *buffer, const GstStructure *score)
{
  g_autoptr(JsonBuilder) builder = begin(self, EVENTS, ++self->events);
  g_autoptr(GstStructure) fields = gst_structure_copy(score);
  gst_structure_set(fields, "event-id", G_TYPE_UINT, id, NULL);
  cbigan_json_add_string(builder, "event", event);
  if (buffer)
    cbigan_json_add_buffer(builder, self->element, segment, buffer);
  else
    cbigan_json_add_now(builder);
  cbigan_json_add_score(builder, fields);
  push(self, sender, EVENTS, builder);
}

static void
push_pictures(CbiganPublisher *self, CbiganSender *sender, CbiganPublishPictures pictures, GstCaps *caps,
              GstBuffer *buffer, const GstStructure *score)
{
  const GValue *map = gst_structure_get_value(score, "heatmap");
  g_autofree char *reference = g_strdup_printf("%s/%" G_GUINT64_FORMAT, self->session, self->events);
  if (pictures & CBIGAN_PUBLISH_FRAME && caps) {
    /* A source that lends out few buffers would stall while one waits. */
    g_autoptr(GstBuffer) copy = gst_buffer_copy_deep(buffer);
    g_autoptr(GstSample) sample = gst_sample_new(copy, caps, NULL, NULL);
    cbigan_sender_push_picture(sender, self->topics[FRAME], reference, sample);
  }
  if (pictures & CBIGAN_PUBLISH_MAP && map)
    cbigan_sender_push_picture(sender, self->topics[MAP], reference, gst_value_get_sample(map));
}

static void
end_event(CbiganPublisher *self, CbiganSender *sender, const GstSegment *segment, GstBuffer *buffer,
          const GstStructure *score)
{
  push_event(self, sender, "end", self->event_id, segment, buffer, score);
  self->event_id = 0;
}

void
cbigan_publisher_finish(CbiganPublisher *self, CbiganSender *sender)
{
  if (self->event_id && self->last)
    end_event(self, sender, NULL, NULL, self->last);
  g_clear_pointer(&self->last, gst_structure_free);
}

/* --- frames --------------------------------------------------------------------------------------------------------
 */

/* Whether the pictures' health has changed. */
static gboolean
count(CbiganPublisher *self, GstBuffer *buffer, const GstStructure *score)
{
  const char *health = score ? gst_structure_get_string(score, "health") : NULL;
  gboolean anomalous = FALSE;
  guint64 scored_pts = GST_CLOCK_TIME_NONE;
  if (score)
    gst_structure_get(score, "anomalous", G_TYPE_BOOLEAN, &anomalous, "scored-pts", G_TYPE_UINT64, &scored_pts, NULL);
  g_mutex_lock(&self->lock);
  self->frames++;
  self->last_pts = GST_BUFFER_PTS(buffer);
  if (score && scored_pts != self->scored_pts) {
    self->scored_pts = scored_pts;
    self->results++;
    self->anomalous += anomalous;
  }
  const gboolean changed = health && g_strcmp0(health, self->pictures ? self->pictures : "good");
  if (changed) {
    g_free(self->pictures);
    self->pictures = g_strdup(health);
  }
  g_mutex_unlock(&self->lock);
  return changed;
}

static void
push_scores(CbiganPublisher *self, CbiganSender *sender, guint interval, const GstSegment *segment, GstBuffer *buffer,
            const GstStructure *score)
{
  const gint64 now = g_get_monotonic_time();
  guint64 scored_pts = GST_CLOCK_TIME_NONE;
  gst_structure_get_uint64(score, "scored-pts", &scored_pts);
  if (now < self->next_scores || scored_pts == self->said_pts)
    return;
  self->next_scores = now + interval * (gint64)1000;
  self->said_pts = scored_pts;
  g_autoptr(JsonBuilder) builder = begin(self, SCORES, ++self->n_scores);
  cbigan_json_add_buffer(builder, self->element, segment, buffer);
  cbigan_json_add_score(builder, score);
  push(self, sender, SCORES, builder);
}

void
cbigan_publisher_push_frame(CbiganPublisher *self, CbiganSender *sender, const CbiganPublishChoice *choice,
                            const GstSegment *segment, GstCaps *caps, GstBuffer *buffer, const GstStructure *score)
{
  guint id = 0;
  if (count(self, buffer, score) && choice->health) {
    g_autoptr(GstStructure) stats = cbigan_sender_stats(sender);
    cbigan_publisher_push_health(self, sender, stats);
  }
  if (!score)
    return;
  gst_structure_get_uint(score, "event-id", &id);
  if (self->event_id && id != self->event_id)
    end_event(self, sender, segment, buffer, score);
  if (id && !self->event_id) {
    self->event_id = id;
    push_event(self, sender, "begin", id, segment, buffer, score);
    if (choice->pictures)
      push_pictures(self, sender, choice->pictures, caps, buffer, score);
  }
  g_clear_pointer(&self->last, gst_structure_free);
  if (self->event_id)
    self->last = gst_structure_copy(score);
  if (choice->scores_interval)
    push_scores(self, sender, choice->scores_interval, segment, buffer, score);
}

/* --- health --------------------------------------------------------------------------------------------------------
 */

void
cbigan_publisher_push_health(CbiganPublisher *self, CbiganSender *sender, const GstStructure *stats)
{
  static const char *const counts[] = { "acknowledged", "refused", "spooled", "dropped", "connections" };
  const gint64 now = g_get_monotonic_time();
  g_mutex_lock(&self->lock);
  const double seconds = (double)(now - self->health_before) / G_USEC_PER_SEC;
  const double rate = seconds > 0 ? (double)(self->frames - self->frames_before) / seconds : 0;
  self->frames_before = self->frames;
  self->health_before = now;
  g_autoptr(JsonBuilder) builder = begin(self, HEALTH, ++self->health);
  cbigan_json_add_now(builder);
  cbigan_json_add_time(builder, "last_pts", self->last_pts);
  add_count(builder, "frames", self->frames);
  add_count(builder, "results", self->results);
  add_count(builder, "anomalous_results", self->anomalous);
  cbigan_json_add_health(builder, self->pictures);
  g_mutex_unlock(&self->lock);
  cbigan_json_add_double(builder, "frames_per_second", rate);
  for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
    guint64 value = 0;
    gst_structure_get_uint64(stats, counts[i], &value);
    add_count(builder, counts[i], value);
  }
  push(self, sender, HEALTH, builder);
}

/* --- life ----------------------------------------------------------------------------------------------------------
 */

CbiganPublisher *
cbigan_publisher_new(GstElement *element, const char *kind, const char *camera, const char *topic, GError **error)
{
  CbiganPublisher *self = g_new0(CbiganPublisher, 1);
  self->element = element;
  self->camera = g_strdup(camera);
  self->session = g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time());
  self->last_pts = self->scored_pts = self->said_pts = GST_CLOCK_TIME_NONE;
  self->health_before = g_get_monotonic_time();
  g_mutex_init(&self->lock);
  if (!make_topics(self, kind, topic, error)) {
    cbigan_publisher_free(self);
    return NULL;
  }
  self->online = status_text(self, "online");
  self->offline = status_text(self, "offline");
  return self;
}

void
cbigan_publisher_free(CbiganPublisher *self)
{
  for (guint i = 0; i < N_KINDS; i++)
    g_free(self->topics[i]);
  g_clear_pointer(&self->last, gst_structure_free);
  g_free(self->online);
  g_free(self->offline);
  g_free(self->session);
  g_free(self->pictures);
  g_free(self->camera);
  g_mutex_clear(&self->lock);
  g_free(self);
}

void
cbigan_publisher_status(const CbiganPublisher *self, CbiganBrokerMessage *online, CbiganBrokerMessage *offline)
{
  *online = (CbiganBrokerMessage){
    .topic = self->topics[STATUS], .data = self->online, .size = strlen(self->online), .retain = TRUE
  };
  *offline = (CbiganBrokerMessage){
    .topic = self->topics[STATUS], .data = self->offline, .size = strlen(self->offline), .retain = TRUE
  };
}
