/* kafka_broker.c - sends messages to Kafka: each once and in order, by librdkafka's idempotent producer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <cbigan.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "i18n.h"
#include "kafka.h"

#define LINGER "2"       /* ms that a message waits for others to share a request with */
#define CLOSE_LIMIT 1000 /* ms */

struct _CbiganBroker {
  rd_kafka_t *producer;
  rd_kafka_queue_t *queue;
  CbiganBrokerListener listener;
  int fd; /* readable when something waits for rd_kafka_poll() */
};

static void
on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *data)
{
  CbiganBroker *self = data;
  g_autofree guint64 *id = message->_private;
  if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    return;
  if (!message->err)
    self->listener.changed(TRUE, NULL, self->listener.data);
  self->listener.done(*id, message->err ? rd_kafka_message_errstr(message) : NULL, self->listener.data);
}

static void
on_error(rd_kafka_t *producer, int code, const char *reason, void *data)
{
  CbiganBroker *self = data;
  /* The library mends all but these by itself, and says more in words than a reader wants. */
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
      code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
      code == RD_KAFKA_RESP_ERR__RESOLVE)
    self->listener.changed(FALSE, reason, self->listener.data);
}

/* All that matters comes by on_error(). */
static void
on_log(const rd_kafka_t *producer, int level, const char *facility, const char *text)
{
  g_debug("librdkafka: %s", text);
}

static void
broker_close(CbiganBroker *self)
{
  if (self->producer) {
    rd_kafka_purge(self->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(self->producer, CLOSE_LIMIT);
    g_clear_pointer(&self->queue, rd_kafka_queue_destroy);
    rd_kafka_destroy(self->producer);
  }
  if (self->fd >= 0)
    close(self->fd);
  g_free(self);
}

static CbiganBroker *
broker_open(const CbiganBrokerAddress *address, const CbiganBrokerListener *listener, GError **error)
{
  CbiganBroker *self = g_new0(CbiganBroker, 1);
  rd_kafka_conf_t *conf = cbigan_kafka_configure(address, error);
  char text[512];
  self->listener = *listener;
  self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (!conf || !cbigan_kafka_set(conf, "enable.idempotence", "true", error) ||
      !cbigan_kafka_set(conf, "message.timeout.ms", "0", error) ||
      !cbigan_kafka_set(conf, "linger.ms", LINGER, error)) {
    g_clear_pointer(&conf, rd_kafka_conf_destroy);
    broker_close(self);
    return NULL;
  }
  rd_kafka_conf_set_opaque(conf, self);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_error_cb(conf, on_error);
  rd_kafka_conf_set_log_cb(conf, on_log);
  self->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (!self->producer) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, "Kafka: %s", text);
    rd_kafka_conf_destroy(conf);
    broker_close(self);
    return NULL;
  }
  const guint64 one = 1;
  self->queue = rd_kafka_queue_get_main(self->producer);
  rd_kafka_queue_io_event_enable(self->queue, self->fd, &one, sizeof one);
  return self;
}

static void
broker_run(CbiganBroker *self, int wake_fd, int timeout_ms)
{
  struct pollfd fds[2] = { { self->fd, POLLIN, 0 }, { wake_fd, POLLIN, 0 } };
  guint64 count;
  if (rd_kafka_poll(self->producer, 0) > 0)
    return;
  poll(fds, 2, timeout_ms);
  if (fds[0].revents && read(self->fd, &count, sizeof count) < 0 && errno != EAGAIN)
    g_warning("eventfd: %s", g_strerror(errno));
  rd_kafka_poll(self->producer, 0);
}

static gboolean
broker_publish(CbiganBroker *self, const CbiganBrokerMessage *message, guint64 id)
{
  guint64 *ours = g_memdup2(&id, sizeof id);
  const char *reference = message->reference ? message->reference : "";
  rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
  if (message->reference)
    rd_kafka_header_add(headers, "reference", -1, reference, -1);
  const rd_kafka_resp_err_t code =
      rd_kafka_producev(self->producer, RD_KAFKA_V_TOPIC(message->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_KEY(message->key, message->key ? strlen(message->key) : 0),
                        RD_KAFKA_V_VALUE((void *)message->data, message->size), RD_KAFKA_V_HEADERS(headers),
                        RD_KAFKA_V_OPAQUE(ours), RD_KAFKA_V_END);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
    return TRUE;
  rd_kafka_headers_destroy(headers);
  g_free(ours);
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
    return FALSE;
  self->listener.done(id, rd_kafka_err2str(code), self->listener.data);
  return TRUE;
}

const CbiganBrokerClass cbigan_kafka_broker = {
  .open = broker_open,
  .run = broker_run,
  .publish = broker_publish,
  .close = broker_close,
};
