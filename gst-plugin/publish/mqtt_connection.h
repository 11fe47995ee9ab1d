/* mqtt_connection.h - a connection to an MQTT broker that comes back after every failure; inside the MQTT module
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The library's own loop is not used: it gives up after a certificate is refused, and it would acknowledge a job before
 * the job is done.
 */
#pragma once
#include <mosquitto.h>

#include "broker.h"

G_BEGIN_DECLS

typedef struct _CbiganMqttConnection CbiganMqttConnection;

typedef struct {
  gboolean keep_session; /* the broker remembers what it has sent, and who subscribes, for a week */
  guint keepalive;       /* seconds, 5 or more, after which a silent connection counts as broken */
  /* The broker has accepted the connection; NULL = nothing to do. owner: of cbigan_mqtt_connection_new() */
  void (*established)(CbiganMqttConnection *self, gpointer owner);
  void (*changed)(gboolean connected, const char *why, gpointer data); /* CbiganBrokerListener */
  gpointer data;
} CbiganMqttSettings;

/* Free with cbigan_mqtt_connection_free(). NULL with CBIGAN_ERROR_ARGUMENT. */
CbiganMqttConnection *cbigan_mqtt_connection_new(const CbiganBrokerAddress *address, const CbiganMqttSettings *settings,
                                                 gpointer owner, GError **error);
void cbigan_mqtt_connection_free(CbiganMqttConnection *self);
/* libmosquitto's handle, for callbacks and options before the first run; and what its callbacks get as user data. */
struct mosquitto *cbigan_mqtt_connection_client(CbiganMqttConnection *self);
gpointer cbigan_mqtt_connection_owner(CbiganMqttConnection *self);
gboolean cbigan_mqtt_connection_is_up(const CbiganMqttConnection *self);
/* Connects when it is time, else moves data. Returns when something has happened, when wake_fd is readable (-1: none),
 * or after timeout_ms. write: FALSE holds back all that is to be sent. */
void cbigan_mqtt_connection_run(CbiganMqttConnection *self, int wake_fd, int timeout_ms, gboolean write);
/* Lets the next run break the connection, for that reason, and a later one connect again. */
void cbigan_mqtt_connection_break(CbiganMqttConnection *self, const char *why);

extern const CbiganBrokerClass cbigan_mqtt_broker;
extern const CbiganJobQueueClass cbigan_mqtt_jobs;

G_END_DECLS
