/* mqtt_jobs.c - takes jobs from a shared subscription of an MQTT broker
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libmosquitto writes the acknowledgement of a message by itself. This connection writes nothing while a job is at
 * work, so that the acknowledgement leaves when the job is done: whoever dies before gets the job again. The broker
 * keeps the session of a worker's name for a week.
 */
#include <mqtt_protocol.h>

#include "i18n.h"
#include "mqtt_connection.h"

#define AT_LEAST_ONCE 1 /* quality of service */
#define REFUSED 0x80
#define WRITE_LIMIT (5 * G_USEC_PER_SEC)

struct _CbiganJobQueue {
  CbiganMqttConnection *connection;
  char *subscription;
  GBytes *job; /* that take() will return; NULL = none */
  void (*changed)(gboolean connected, const char *why, gpointer data);
  gpointer data;
};

static void
on_message(struct mosquitto *client, void *data, const struct mosquitto_message *message,
           const mosquitto_property *properties)
{
  CbiganJobQueue *self = cbigan_mqtt_connection_owner(data);
  if (self->job)
    g_bytes_unref(self->job); /* of a connection that broke: it comes again */
  self->job = g_bytes_new(message->payload, (gsize)message->payloadlen);
}

static void
on_subscribe(struct mosquitto *client, void *data, int mid, int n, const int *granted,
             const mosquitto_property *properties)
{
  CbiganJobQueue *self = cbigan_mqtt_connection_owner(data);
  if (n > 0 && granted[0] >= REFUSED) {
    g_autofree char *why = g_strdup_printf(_("the broker refuses the subscription “%s”: %s"), self->subscription,
                                           mosquitto_reason_string(granted[0]));
    cbigan_mqtt_connection_break(data, why);
  } else {
    self->changed(TRUE, NULL, self->data);
  }
}

/* Jobs come from the subscription on, not from the connection on. */
static void
on_changed(gboolean connected, const char *why, gpointer data)
{
  CbiganJobQueue *self = data;
  if (!connected)
    self->changed(FALSE, why, self->data);
}

static void
established(CbiganMqttConnection *connection, gpointer owner)
{
  CbiganJobQueue *self = owner;
  mosquitto_subscribe_v5(cbigan_mqtt_connection_client(connection), NULL, self->subscription, AT_LEAST_ONCE, 0, NULL);
}

static void
jobs_close(CbiganJobQueue *self)
{
  cbigan_mqtt_connection_free(self->connection);
  g_clear_pointer(&self->job, g_bytes_unref);
  g_free(self->subscription);
  g_free(self);
}

static CbiganJobQueue *
jobs_open(const CbiganBrokerAddress *address, const char *topic, const char *group, guint patience,
          void (*changed)(gboolean connected, const char *why, gpointer data), gpointer data, GError **error)
{
  CbiganJobQueue *self = g_new0(CbiganJobQueue, 1);
  const CbiganMqttSettings settings = {
    .keep_session = TRUE,
    .keepalive = CLAMP(patience * 2, 15, G_MAXUINT16), /* no ping leaves while a job is at work */
    .established = established,
    .changed = on_changed,
    .data = self,
  };
  self->changed = changed;
  self->data = data;
  self->subscription = g_strdup_printf("$share/%s/%s", group, topic);
  self->connection = cbigan_mqtt_connection_new(address, &settings, self, error);
  if (!self->connection) {
    g_free(self->subscription);
    g_free(self);
    return NULL;
  }
  struct mosquitto *client = cbigan_mqtt_connection_client(self->connection);
  mosquitto_threaded_set(client, true); /* otherwise the library writes at once */
  mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, 1);
  mosquitto_message_v5_callback_set(client, on_message);
  mosquitto_subscribe_v5_callback_set(client, on_subscribe);
  return self;
}

static GBytes *
jobs_take(CbiganJobQueue *self, int timeout_ms)
{
  const gint64 until = g_get_monotonic_time() + timeout_ms * (gint64)1000;
  for (;;) {
    const gint64 left = (until - g_get_monotonic_time()) / 1000;
    if (self->job)
      return g_steal_pointer(&self->job);
    if (left <= 0)
      return NULL;
    cbigan_mqtt_connection_run(self->connection, -1, (int)left, TRUE);
  }
}

static void
jobs_acknowledge(CbiganJobQueue *self)
{
  const gint64 until = g_get_monotonic_time() + WRITE_LIMIT;
  while (cbigan_mqtt_connection_is_up(self->connection) &&
         mosquitto_want_write(cbigan_mqtt_connection_client(self->connection)) && g_get_monotonic_time() < until)
    cbigan_mqtt_connection_run(self->connection, -1, 10, TRUE);
}

const CbiganJobQueueClass cbigan_mqtt_jobs = {
  .open = jobs_open,
  .take = jobs_take,
  .acknowledge = jobs_acknowledge,
  .close = jobs_close,
};
