/* mqtt_connection.c - a connection to an MQTT broker that comes back after every failure
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "mqtt_connection.h"

#include <cbigan.h>
#include <errno.h>
#include <gmodule.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/module.h"
#include "credentials.h"
#include "i18n.h"

#define SESSION_EXPIRY (7 * 24 * 3600) /* seconds */
#define FIRST_DELAY 250                /* ms to the second try; each further delay is twice the one before */
#define LONGEST_DELAY 15000            /* ms */
#define ANSWER_LIMIT (10 * G_USEC_PER_SEC)
#define SYSTEM_AUTHORITIES "/etc/ssl/certs"

typedef enum { DOWN, CONNECTING, ASKING, UP } State; /* ASKING: until the broker has accepted */

struct _CbiganMqttConnection {
  struct mosquitto *client;
  CbiganBrokerAddress address;
  CbiganMqttSettings settings;
  gpointer owner;
  char *host;
  int port;
  mosquitto_property *properties;
  State state;
  gint64 next_try, answer_until; /* monotonic time, us */
  gint64 up_since;               /* the same; 0 = not up */
  guint delay;                   /* ms */
  char *broken;                  /* why the next run breaks the connection; NULL = it does not */
  char *log;                     /* what the library last said about TLS; NULL = nothing */
  int ready_fd;                  /* readable when connect_in_thread() is done */
  int result, system_error;      /* of it */
  GThread *thread;
  GMutex lock;
  gboolean thread_done, abandoned; /* under the lock */
};

/* --- failures ------------------------------------------------------------------------------------------------------
 */

static void
note_failure(CbiganMqttConnection *self, const char *why)
{
  g_autofree char *text = g_strdup_printf("%s:%d: %s", self->host, self->port, why);
  /* A broker that ends each connection at once is not asked more often than one that is away. */
  if (self->up_since && g_get_monotonic_time() - self->up_since > G_USEC_PER_SEC)
    self->delay = 0;
  self->up_since = 0;
  self->state = DOWN;
  self->delay = CLAMP(self->delay * 2, FIRST_DELAY, LONGEST_DELAY);
  /* Many clients that lost one broker must not come back at one moment. */
  self->next_try = g_get_monotonic_time() + (gint64)(self->delay * g_random_double_range(0.5, 1) * 1000);
  self->settings.changed(FALSE, text, self->settings.data);
}

static void
note_code(CbiganMqttConnection *self, int code, int system_error)
{
  g_autofree char *log = g_steal_pointer(&self->log);
  if (code == MOSQ_ERR_KEEPALIVE) { /* for which the library has no words */
    note_failure(self, _("the broker no longer answers"));
  } else if (code == MOSQ_ERR_TLS || code == MOSQ_ERR_EAI || log) {
    g_autofree char *text =
        g_strdup_printf("%s%s%s", mosquitto_strerror(code), log ? ": " : "", log ? g_strstrip(log) : "");
    note_failure(self, text);
  } else {
    note_failure(self, code == MOSQ_ERR_ERRNO ? g_strerror(system_error) : mosquitto_strerror(code));
  }
}

/* Not within a callback of the library, which holds a lock meanwhile. */
static void
break_now(CbiganMqttConnection *self)
{
  g_autofree char *why = g_steal_pointer(&self->broken);
  const int fd = mosquitto_socket(self->client);
  if (fd >= 0) {
    shutdown(fd, SHUT_RDWR);
    mosquitto_loop_read(self->client, 1); /* sees the end, and closes the socket */
  }
  if (self->state != DOWN)
    note_failure(self, why);
}

void
cbigan_mqtt_connection_break(CbiganMqttConnection *self, const char *why)
{
  g_free(self->broken);
  self->broken = g_strdup(why);
}

/* --- the library's callbacks ---------------------------------------------------------------------------------------
 */

static void
on_connect(struct mosquitto *client, void *data, int reason, int flags, const mosquitto_property *properties)
{
  CbiganMqttConnection *self = data;
  if (reason) {
    cbigan_mqtt_connection_break(self, mosquitto_reason_string(reason));
    return;
  }
  self->state = UP;
  self->up_since = g_get_monotonic_time();
  if (self->settings.established)
    self->settings.established(self, self->owner);
  self->settings.changed(TRUE, NULL, self->settings.data);
}

/* Runs in the thread that connects, too, while nobody else touches the connection. */
static void
on_log(struct mosquitto *client, void *data, int level, const char *text)
{
  CbiganMqttConnection *self = data;
  if (level != MOSQ_LOG_ERR)
    return;
  g_free(self->log);
  self->log = g_strdup(text);
}

/* --- connecting ----------------------------------------------------------------------------------------------------
 */

typedef struct {
  char *user, *password;
} Login;

static void
clear_login(Login *login)
{
  if (login->password)
    explicit_bzero(login->password, strlen(login->password));
  g_free(login->password);
  g_free(login->user);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Login, clear_login)

static gboolean
take_credential(const char *name, const char *value, gpointer data, GError **error)
{
  Login *login = data;
  char **place = g_str_equal(name, "user") ? &login->user : g_str_equal(name, "password") ? &login->password : NULL;
  if (!place) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("unknown name; expected user or password"));
    return FALSE;
  }
  g_free(*place);
  *place = g_strdup(value);
  return TRUE;
}

/* Reads the files again, so that whoever replaces one need not restart anything. */
static gboolean
set_security(CbiganMqttConnection *self, GError **error)
{
  const CbiganBrokerAddress *a = &self->address;
  g_auto(Login) login = { NULL };
  const char *files[] = { a->ca, a->certificate, a->key };
  if (!cbigan_credentials_read(a->credentials, take_credential, &login, error))
    return FALSE;
  mosquitto_username_pw_set(self->client, login.user, login.password);
  for (guint i = 0; a->tls && i < G_N_ELEMENTS(files); i++)
    if (files[i] && access(files[i], R_OK) != 0) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s: %s", files[i], g_strerror(errno));
      return FALSE;
    }
  if (a->tls && (mosquitto_tls_set(self->client, a->ca, a->ca ? NULL : SYSTEM_AUTHORITIES, a->certificate, a->key,
                                   NULL) != MOSQ_ERR_SUCCESS ||
                 mosquitto_tls_opts_set(self->client, a->insecure ? 0 : 1, NULL, NULL) != MOSQ_ERR_SUCCESS ||
                 mosquitto_tls_insecure_set(self->client, a->insecure) != MOSQ_ERR_SUCCESS)) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("the files of certificates can't be used"));
    return FALSE;
  }
  return TRUE;
}

static void
destroy(CbiganMqttConnection *self)
{
  mosquitto_destroy(self->client);
  mosquitto_property_free_all(&self->properties);
  close(self->ready_fd);
  g_mutex_clear(&self->lock);
  g_free(self->host);
  g_free(self->log);
  g_free(self->broken);
  g_free(self);
}

/* The library waits for the network here, for minutes where packets get lost without an answer. */
static gpointer
connect_in_thread(gpointer data)
{
  CbiganMqttConnection *self = data;
  const guint64 one = 1;
  self->result = mosquitto_connect_bind_v5(self->client, self->host, self->port, (int)self->settings.keepalive, NULL,
                                           self->properties);
  self->system_error = errno;
  g_mutex_lock(&self->lock);
  self->thread_done = TRUE;
  const gboolean abandoned = self->abandoned;
  if (!abandoned && write(self->ready_fd, &one, sizeof one) < 0)
    g_warning("eventfd: %s", g_strerror(errno));
  g_mutex_unlock(&self->lock);
  if (abandoned)
    destroy(self);
  return NULL;
}

static void
start_connecting(CbiganMqttConnection *self)
{
  g_autoptr(GError) error = NULL;
  g_clear_pointer(&self->log, g_free);
  if (!set_security(self, &error)) {
    note_failure(self, error->message);
    return;
  }
  self->state = CONNECTING;
  self->thread_done = FALSE;
  self->thread = g_thread_try_new("mqtt-connect", connect_in_thread, self, &error);
  if (!self->thread)
    note_failure(self, error->message); /* tried again later, as any other failure */
}

static void
finish_connecting(CbiganMqttConnection *self)
{
  guint64 count;
  if (read(self->ready_fd, &count, sizeof count) < 0)
    return;
  g_thread_join(g_steal_pointer(&self->thread));
  if (self->result == MOSQ_ERR_SUCCESS) {
    self->state = ASKING;
    self->answer_until = g_get_monotonic_time() + ANSWER_LIMIT;
  } else {
    note_code(self, self->result, self->system_error);
  }
}

/* --- moving data ---------------------------------------------------------------------------------------------------
 */

/* Waits until one of the file descriptors is ready; -1 = none. Returns the events of the first. */
static short
wait_for(int fd, short events, int wake_fd, int timeout_ms)
{
  struct pollfd fds[2] = { { fd, events, 0 }, { wake_fd, POLLIN, 0 } };
  return poll(fds, 2, MAX(timeout_ms, 0)) > 0 ? fds[0].revents : 0;
}

static void
move_data(CbiganMqttConnection *self, int wake_fd, int timeout_ms, gboolean write)
{
  const gboolean pending = write && mosquitto_want_write(self->client);
  const short events =
      wait_for(mosquitto_socket(self->client), pending ? POLLIN | POLLOUT : POLLIN, wake_fd, timeout_ms);
  int code = MOSQ_ERR_SUCCESS;
  errno = 0;
  /* Reading comes last: what it makes the library want to write waits for the next run. */
  if (write)
    code = mosquitto_loop_write(self->client, 1);
  if (code == MOSQ_ERR_SUCCESS && events & (POLLIN | POLLHUP | POLLERR))
    code = mosquitto_loop_read(self->client, 1);
  if (code == MOSQ_ERR_SUCCESS && mosquitto_socket(self->client) >= 0)
    code = mosquitto_loop_misc(self->client);
  if (self->broken)
    break_now(self);
  else if (code != MOSQ_ERR_SUCCESS || mosquitto_socket(self->client) < 0)
    note_code(self, code == MOSQ_ERR_SUCCESS ? MOSQ_ERR_CONN_LOST : code, errno);
  else if (self->state == ASKING && g_get_monotonic_time() > self->answer_until)
    cbigan_mqtt_connection_break(self, _("no answer for 10 s"));
}

void
cbigan_mqtt_connection_run(CbiganMqttConnection *self, int wake_fd, int timeout_ms, gboolean write)
{
  const gint64 left = (self->next_try - g_get_monotonic_time()) / 1000;
  switch (self->state) {
  case DOWN:
    if (left <= 0)
      start_connecting(self);
    else
      wait_for(-1, 0, wake_fd, (int)MIN(left, timeout_ms));
    break;
  case CONNECTING:
    if (wait_for(self->ready_fd, POLLIN, wake_fd, timeout_ms))
      finish_connecting(self);
    break;
  case ASKING:
  case UP:
    move_data(self, wake_fd, timeout_ms, write);
    break;
  }
}

/* --- life ----------------------------------------------------------------------------------------------------------
 */

CbiganMqttConnection *
cbigan_mqtt_connection_new(const CbiganBrokerAddress *address, const CbiganMqttSettings *settings, gpointer owner,
                           GError **error)
{
  static gsize once = 0;
  if (g_once_init_enter(&once)) {
    mosquitto_lib_init();
    g_once_init_leave(&once, 1);
  }
  CbiganMqttConnection *self = g_new0(CbiganMqttConnection, 1);
  const char *colon = strrchr(address->servers, ':'); /* cbigan_broker_parse() has put one in */
  self->host = g_strndup(address->servers, (gsize)(colon - address->servers));
  if (*self->host == '[' && strchr(self->host, ']')) {
    memmove(self->host, self->host + 1, strlen(self->host));
    *strchr(self->host, ']') = '\0';
  }
  self->port = (int)g_ascii_strtoull(colon + 1, NULL, 10);
  self->address = *address;
  self->settings = *settings;
  self->owner = owner;
  self->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_mutex_init(&self->lock);
  self->client = mosquitto_new(address->client, !settings->keep_session, self);
  if (!self->client || self->ready_fd < 0) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, "%s: %s", address->client, g_strerror(errno));
    g_clear_pointer(&self, destroy);
    return NULL;
  }
  mosquitto_int_option(self->client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(self->client, MOSQ_OPT_TCP_NODELAY, 1);
  if (settings->keep_session)
    mosquitto_property_add_int32(&self->properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, SESSION_EXPIRY);
  mosquitto_connect_v5_callback_set(self->client, on_connect);
  mosquitto_log_callback_set(self->client, on_log);
  return self;
}

void
cbigan_mqtt_connection_free(CbiganMqttConnection *self)
{
  if (self->state == UP) {
    mosquitto_disconnect_v5(self->client, 0, NULL);
    mosquitto_loop_write(self->client, 1);
  }
  if (self->thread) {
    g_mutex_lock(&self->lock);
    self->abandoned = !self->thread_done;
    const gboolean abandoned = self->abandoned;
    g_mutex_unlock(&self->lock);
    if (abandoned) {
      g_thread_unref(self->thread);
      return;
    }
    g_thread_join(self->thread);
  }
  destroy(self);
}

struct mosquitto *
cbigan_mqtt_connection_client(CbiganMqttConnection *self)
{
  return self->client;
}

gpointer
cbigan_mqtt_connection_owner(CbiganMqttConnection *self)
{
  return self->owner;
}

gboolean
cbigan_mqtt_connection_is_up(const CbiganMqttConnection *self)
{
  return self->state == UP;
}

static const CbiganBrokerModule mqtt = { &cbigan_mqtt_broker, &cbigan_mqtt_jobs };
G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &mqtt };
