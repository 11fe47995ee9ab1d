/* kafka.h - what publishing to Kafka and taking jobs from it share; inside the Kafka module
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <librdkafka/rdkafka.h>

#include "broker.h"

G_BEGIN_DECLS

/* The configuration for that address, with the settings of the credentials file (transfer full). NULL with an error
 * that names the setting, and never shows its value. */
rd_kafka_conf_t *cbigan_kafka_configure(const CbiganBrokerAddress *address, GError **error);
/* Sets one value; FALSE with CBIGAN_ERROR_ARGUMENT. */
gboolean cbigan_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, GError **error);

extern const CbiganBrokerClass cbigan_kafka_broker;
extern const CbiganJobQueueClass cbigan_kafka_jobs;

G_END_DECLS
