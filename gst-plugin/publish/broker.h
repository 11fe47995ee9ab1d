/* broker.h - a message broker as publishers and workers see it: a module that may be missing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The modules “cbigan-mqtt” and “cbigan-kafka” (backend/module.h) show a CbiganBrokerModule each. To add a broker: a
 * module, and a row of its URIs in broker.c.
 *
 * One thread at a time uses a broker or a job queue, and all callbacks come from within run(), publish() and close()
 * in that thread. Files with passwords and keys are read at every connection, so that they may be replaced.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CbiganBroker CbiganBroker;
typedef struct _CbiganJobQueue CbiganJobQueue;

typedef struct {
  const char *topic;
  const char *key;       /* Kafka: messages of one key keep their order; NULL = none */
  const char *reference; /* the message that this one belongs to (MQTT: correlation data, Kafka: header); NULL = none */
  gconstpointer data;
  gsize size;      /* bytes */
  gboolean retain; /* MQTT: the broker keeps it for later subscribers */
} CbiganBrokerMessage;

/* How to reach a broker. The strings must outlive what is opened with them. */
typedef struct {
  const char *servers;                /* HOST:PORT, for Kafka several of them with commas */
  gboolean tls;                       /* MQTT; for Kafka, too, unless the credentials have a security.protocol */
  const char *client;                 /* name of this client, unique at the broker */
  const char *credentials;            /* file: credentials.h; NULL = none */
  const char *ca, *certificate, *key; /* PEM files; ca NULL = the system's authorities; the others NULL = none */
  gboolean insecure;                  /* takes any certificate */
} CbiganBrokerAddress;

typedef struct {
  /* The connection is there or gone. why: the reason why not, in words; NULL while connected. May repeat itself. */
  void (*changed)(gboolean connected, const char *why, gpointer data);
  /* The broker has the message of that id (refused = NULL), or will never take it, for that reason. */
  void (*done)(guint64 id, const char *refused, gpointer data);
  gpointer data;
  CbiganBrokerMessage online;  /* MQTT: sent at every connection; topic NULL = none */
  CbiganBrokerMessage offline; /* MQTT: last will, sent by the broker when the connection breaks; topic NULL = none */
} CbiganBrokerListener;

typedef struct {
  /* Prepares a connection; run() connects. Copies the listener. NULL with CBIGAN_ERROR_ARGUMENT. */
  CbiganBroker *(*open)(const CbiganBrokerAddress *address, const CbiganBrokerListener *listener, GError **error);
  /* Moves data and calls back. Returns when something has happened, when wake_fd is readable, or after timeout_ms. */
  void (*run)(CbiganBroker *self, int wake_fd, int timeout_ms);
  /* Hands a message over (copied). It is kept over broken connections and sent in order, until done(id). FALSE: not
   * now, because the broker can't be reached. */
  gboolean (*publish)(CbiganBroker *self, const CbiganBrokerMessage *message, guint64 id);
  /* Ends the connection. What is not done is forgotten. */
  void (*close)(CbiganBroker *self);
} CbiganBrokerClass;

typedef struct {
  /* topic: of the jobs; group: workers of one group share the jobs; patience: seconds that a job may take. `data` and
   * `changed` as above. NULL with CBIGAN_ERROR_ARGUMENT. */
  CbiganJobQueue *(*open)(const CbiganBrokerAddress *address, const char *topic, const char *group, guint patience,
                          void (*changed)(gboolean connected, const char *why, gpointer data), gpointer data,
                          GError **error);
  /* The next job's payload (transfer full); NULL = none within timeout_ms. The job before must be acknowledged. */
  GBytes *(*take)(CbiganJobQueue *self, int timeout_ms);
  /* The last job is done. A job that is not acknowledged comes again. */
  void (*acknowledge)(CbiganJobQueue *self);
  void (*close)(CbiganJobQueue *self);
} CbiganJobQueueClass;

typedef struct {
  const CbiganBrokerClass *broker;
  const CbiganJobQueueClass *jobs;
} CbiganBrokerModule;

/* Splits a URI: mqtt://HOST[:PORT], mqtts://HOST[:PORT] or kafka://HOST[:PORT][,HOST[:PORT]…]. *servers: transfer full;
 * *kind: "mqtt" or "kafka", static. FALSE with CBIGAN_ERROR_ARGUMENT. A URI with a password is refused. */
gboolean cbigan_broker_parse(const char *uri, const char **kind, char **servers, gboolean *tls, GError **error);
/* The module of that kind. NULL: *why has the reason in words (transfer full). */
const CbiganBrokerModule *cbigan_broker_module(const char *kind, char **why);

G_END_DECLS
