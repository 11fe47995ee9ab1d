/* kafka_jobs.c - takes jobs from a Kafka topic as a member of a consumer group
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The offset of a job is stored when the job is done, and committed at once. After a death, the group gives the
 * partition to another worker, from the committed offset on.
 */
#include <cbigan.h>
#include <string.h>

#include "i18n.h"
#include "kafka.h"

struct _CbiganJobQueue {
  rd_kafka_t *consumer;
  rd_kafka_message_t *job; /* at work; NULL = none */
  void (*changed)(gboolean connected, const char *why, gpointer data);
  gpointer data;
};

static void
on_error(rd_kafka_t *consumer, int code, const char *reason, void *data)
{
  CbiganJobQueue *self = data;
  self->changed(FALSE, reason, self->data);
}

static void
on_log(const rd_kafka_t *consumer, int level, const char *facility, const char *text)
{
  g_debug("librdkafka: %s", text);
}

static void
jobs_close(CbiganJobQueue *self)
{
  g_clear_pointer(&self->job, rd_kafka_message_destroy);
  if (self->consumer) {
    rd_kafka_consumer_close(self->consumer);
    rd_kafka_destroy(self->consumer);
  }
  g_free(self);
}

static gboolean
set_all(rd_kafka_conf_t *conf, const char *group, guint patience, GError **error)
{
  g_autofree char *poll_limit = g_strdup_printf("%u", MIN(patience * 2, 80000) * 1000);
  const char *const settings[][2] = {
    { "group.id", group },
    { "enable.auto.commit", "false" },
    { "enable.auto.offset.store", "false" },
    { "auto.offset.reset", "earliest" },
    { "session.timeout.ms", "10000" },
    { "max.poll.interval.ms", poll_limit },
    { "partition.assignment.strategy", "range" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(settings); i++)
    if (!cbigan_kafka_set(conf, settings[i][0], settings[i][1], error))
      return FALSE;
  return TRUE;
}

static gboolean
subscribe(CbiganJobQueue *self, const char *topic, GError **error)
{
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
  const rd_kafka_resp_err_t code = rd_kafka_subscribe(self->consumer, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  if (!code)
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, "%s: %s", topic, rd_kafka_err2str(code));
  return FALSE;
}

static CbiganJobQueue *
jobs_open(const CbiganBrokerAddress *address, const char *topic, const char *group, guint patience,
          void (*changed)(gboolean connected, const char *why, gpointer data), gpointer data, GError **error)
{
  CbiganJobQueue *self = g_new0(CbiganJobQueue, 1);
  rd_kafka_conf_t *conf = cbigan_kafka_configure(address, error);
  char text[512];
  self->changed = changed;
  self->data = data;
  if (!conf || !set_all(conf, group, patience, error)) {
    g_clear_pointer(&conf, rd_kafka_conf_destroy);
    jobs_close(self);
    return NULL;
  }
  rd_kafka_conf_set_opaque(conf, self);
  rd_kafka_conf_set_error_cb(conf, on_error);
  rd_kafka_conf_set_log_cb(conf, on_log);
  self->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
  if (!self->consumer) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, "Kafka: %s", text);
    rd_kafka_conf_destroy(conf);
    jobs_close(self);
    return NULL;
  }
  rd_kafka_poll_set_consumer(self->consumer);
  if (!subscribe(self, topic, error)) {
    jobs_close(self);
    return NULL;
  }
  return self;
}

static GBytes *
jobs_take(CbiganJobQueue *self, int timeout_ms)
{
  rd_kafka_message_t *message = rd_kafka_consumer_poll(self->consumer, timeout_ms);
  g_clear_pointer(&self->job, rd_kafka_message_destroy);
  if (!message)
    return NULL;
  if (message->err) {
    if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
      self->changed(FALSE, rd_kafka_message_errstr(message), self->data);
    rd_kafka_message_destroy(message);
    return NULL;
  }
  self->changed(TRUE, NULL, self->data);
  self->job = message;
  return g_bytes_new(message->payload, message->len);
}

static void
jobs_acknowledge(CbiganJobQueue *self)
{
  /* A commit that fails leaves the job to be done again, by whoever has the partition then. */
  const rd_kafka_resp_err_t code = rd_kafka_commit_message(self->consumer, self->job, 0);
  if (code)
    self->changed(FALSE, rd_kafka_err2str(code), self->data);
  g_clear_pointer(&self->job, rd_kafka_message_destroy);
}

const CbiganJobQueueClass cbigan_kafka_jobs = {
  .open = jobs_open,
  .take = jobs_take,
  .acknowledge = jobs_acknowledge,
  .close = jobs_close,
};
