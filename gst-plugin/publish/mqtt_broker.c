/* mqtt_broker.c - sends messages to an MQTT broker: MQTT 5, each at least once
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libmosquitto keeps what is not acknowledged, and sends it again, in order, when the connection is back.
 */
#include <cbigan.h>
#include <mqtt_protocol.h>
#include <string.h>

#include "i18n.h"
#include "mqtt_connection.h"

#define AT_LEAST_ONCE 1 /* quality of service */
#define KEEPALIVE 15    /* seconds */
#define IN_FLIGHT 256   /* messages that are sent before the first is acknowledged; a broker may ask for fewer */
#define STALL_LIMIT (30 * G_USEC_PER_SEC)
#define REFUSED 0x80 /* reasons from here on are refusals */

struct _CbiganBroker {
  CbiganMqttConnection *connection;
  CbiganBrokerListener listener;
  GHashTable *ids;      /* message id of MQTT -> guint64, ours */
  gint64 last_progress; /* monotonic time, us: an acknowledgement, or the first message to wait for one */
};

static void
on_publish(struct mosquitto *client, void *data, int mid, int reason, const mosquitto_property *properties)
{
  CbiganBroker *self = cbigan_mqtt_connection_owner(data);
  const guint64 *id = g_hash_table_lookup(self->ids, GINT_TO_POINTER(mid));
  self->last_progress = g_get_monotonic_time();
  if (!id)
    return;
  const guint64 ours = *id;
  g_hash_table_remove(self->ids, GINT_TO_POINTER(mid));
  self->listener.done(ours, reason >= REFUSED ? mosquitto_reason_string(reason) : NULL, self->listener.data);
}

static int
send_message(CbiganBroker *self, const CbiganBrokerMessage *message, int *mid)
{
  mosquitto_property *properties = NULL;
  if (message->reference)
    mosquitto_property_add_binary(&properties, MQTT_PROP_CORRELATION_DATA, message->reference,
                                  (guint16)strlen(message->reference));
  const int code = mosquitto_publish_v5(cbigan_mqtt_connection_client(self->connection), mid, message->topic,
                                        (int)message->size, message->data, AT_LEAST_ONCE, message->retain, properties);
  mosquitto_property_free_all(&properties);
  return code;
}

static void
established(CbiganMqttConnection *connection, gpointer owner)
{
  CbiganBroker *self = owner;
  self->last_progress = g_get_monotonic_time();
  if (self->listener.online.topic)
    send_message(self, &self->listener.online, NULL);
}

static void
broker_close(CbiganBroker *self)
{
  if (cbigan_mqtt_connection_is_up(self->connection) && self->listener.offline.topic)
    send_message(self, &self->listener.offline, NULL);
  cbigan_mqtt_connection_free(self->connection);
  g_hash_table_unref(self->ids);
  g_free(self);
}

static CbiganBroker *
broker_open(const CbiganBrokerAddress *address, const CbiganBrokerListener *listener, GError **error)
{
  CbiganBroker *self = g_new0(CbiganBroker, 1);
  const CbiganMqttSettings settings = {
    .keepalive = KEEPALIVE, .established = established, .changed = listener->changed, .data = listener->data
  };
  const CbiganBrokerMessage *will = &listener->offline;
  self->connection = cbigan_mqtt_connection_new(address, &settings, self, error);
  if (!self->connection) {
    g_free(self);
    return NULL;
  }
  self->listener = *listener;
  self->ids = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  struct mosquitto *client = cbigan_mqtt_connection_client(self->connection);
  mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, IN_FLIGHT);
  mosquitto_publish_v5_callback_set(client, on_publish);
  if (will->topic)
    mosquitto_will_set_v5(client, will->topic, (int)will->size, will->data, AT_LEAST_ONCE, will->retain, NULL);
  return self;
}

static void
broker_run(CbiganBroker *self, int wake_fd, int timeout_ms)
{
  const gboolean waits = cbigan_mqtt_connection_is_up(self->connection) && g_hash_table_size(self->ids);
  if (waits && g_get_monotonic_time() - self->last_progress > STALL_LIMIT)
    cbigan_mqtt_connection_break(self->connection, _("the broker has acknowledged nothing for 30 s"));
  cbigan_mqtt_connection_run(self->connection, wake_fd, timeout_ms, TRUE);
}

static gboolean
broker_publish(CbiganBroker *self, const CbiganBrokerMessage *message, guint64 id)
{
  int mid = 0;
  if (!cbigan_mqtt_connection_is_up(self->connection))
    return FALSE;
  if (!g_hash_table_size(self->ids))
    self->last_progress = g_get_monotonic_time();
  const int code = send_message(self, message, &mid);
  switch (code) {
  case MOSQ_ERR_SUCCESS:
  case MOSQ_ERR_NO_CONN: /* the library keeps the message nevertheless */
  case MOSQ_ERR_CONN_LOST:
  case MOSQ_ERR_ERRNO:
    g_hash_table_insert(self->ids, GINT_TO_POINTER(mid), g_memdup2(&id, sizeof id));
    break;
  default:
    self->listener.done(id, mosquitto_strerror(code), self->listener.data);
    break;
  }
  return TRUE;
}

const CbiganBrokerClass cbigan_mqtt_broker = {
  .open = broker_open,
  .run = broker_run,
  .publish = broker_publish,
  .close = broker_close,
};
