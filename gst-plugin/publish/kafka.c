/* kafka.c - what publishing to Kafka and taking jobs from it share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kafka.h"

#include <cbigan.h>
#include <gmodule.h>
#include <string.h>

#include "backend/module.h"
#include "credentials.h"
#include "i18n.h"

gboolean
cbigan_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, GError **error)
{
  char text[512];
  if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
    return TRUE;
  /* The library's text would show the value, which may be a password. */
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
              _("“%s” is no setting of librdkafka, or can't have this value; expected user, password or a setting"),
              name);
  return FALSE;
}

static gboolean
take_setting(const char *name, const char *value, gpointer data, GError **error)
{
  const char *setting = g_str_equal(name, "user")       ? "sasl.username"
                        : g_str_equal(name, "password") ? "sasl.password"
                                                        : name;
  return cbigan_kafka_set(data, setting, value, error);
}

rd_kafka_conf_t *
cbigan_kafka_configure(const CbiganBrokerAddress *address, GError **error)
{
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  const struct {
    const char *name, *value;
  } settings[] = {
    { "bootstrap.servers", address->servers },
    { "client.id", address->client },
    { "security.protocol", address->tls ? "ssl" : NULL },
    { "ssl.ca.location", address->ca },
    { "ssl.certificate.location", address->certificate },
    { "ssl.key.location", address->key },
    { "enable.ssl.certificate.verification", address->insecure ? "false" : NULL },
    { "log.connection.close", "false" },
  };
  gboolean fine = TRUE;
  for (guint i = 0; fine && i < G_N_ELEMENTS(settings); i++)
    fine = !settings[i].value || cbigan_kafka_set(conf, settings[i].name, settings[i].value, error);
  if (fine && cbigan_credentials_read(address->credentials, take_setting, conf, error))
    return conf;
  rd_kafka_conf_destroy(conf);
  return NULL;
}

static const CbiganBrokerModule kafka = { &cbigan_kafka_broker, &cbigan_kafka_jobs };
G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &kafka };
