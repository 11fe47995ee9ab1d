/* mock_kafka.c - a Kafka cluster for tests: the mock cluster that librdkafka brings along, with a producer and a
 * consumer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * usage: mock_kafka PARTITIONS TOPIC...
 *
 * It speaks Kafka's protocol over TCP, but stores in memory and is no Kafka. Prints its servers, then obeys lines of
 * standard input, until that ends:
 *   produce TOPIC KEY TEXT   adds a message; prints “produced”
 *   consume TOPIC N          prints N messages, one per line, or fewer after 20 s; then “consumed”
 *   fail N                   makes the next N requests of producers fail, with errors that may be retried
 *   down BROKER / up BROKER  breaks a broker's connections and refuses new ones, or brings it back
 */
#include <glib.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BROKERS 3
#define PRODUCE 0 /* number of the request in Kafka's protocol */

static const char *servers;

static rd_kafka_t *
new_client(rd_kafka_type_t type, const char *group)
{
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  char text[256];
  if (servers)
    rd_kafka_conf_set(conf, "bootstrap.servers", servers, text, sizeof text);
  if (group)
    rd_kafka_conf_set(conf, "group.id", group, text, sizeof text);
  if (group)
    rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", text, sizeof text);
  rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
  if (!client)
    g_error("%s", text);
  return client;
}

static void
consume(const char *topic, int n)
{
  static rd_kafka_t *consumer;
  const gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
  if (!consumer) {
    consumer = new_client(RD_KAFKA_CONSUMER, "mock-reader");
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
  }
  while (n > 0 && g_get_monotonic_time() < until) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 200);
    if (message && !message->err) {
      printf("%.*s\n", (int)message->len, (const char *)message->payload);
      n--;
    }
    if (message)
      rd_kafka_message_destroy(message);
  }
  puts("consumed");
}

static void
obey(char **words, rd_kafka_t *producer, rd_kafka_mock_cluster_t *cluster)
{
  const guint n = g_strv_length(words);
  if (n == 4 && g_str_equal(words[0], "produce")) {
    rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(words[1]), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                      RD_KAFKA_V_KEY(words[2], strlen(words[2])), RD_KAFKA_V_VALUE(words[3], strlen(words[3])),
                      RD_KAFKA_V_END);
    rd_kafka_flush(producer, 10000);
    puts("produced");
  } else if (n == 3 && g_str_equal(words[0], "consume")) {
    consume(words[1], atoi(words[2]));
  } else if (n == 2 && g_str_equal(words[0], "fail")) {
    for (int i = atoi(words[1]); i > 0; i--)
      rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  } else if (n == 2 && g_str_equal(words[0], "down")) {
    rd_kafka_mock_broker_set_down(cluster, atoi(words[1]));
  } else if (n == 2 && g_str_equal(words[0], "up")) {
    rd_kafka_mock_broker_set_up(cluster, atoi(words[1]));
  }
  fflush(stdout);
}

int
main(int argc, char **argv)
{
  char *line = NULL;
  size_t size = 0;
  rd_kafka_t *owner = new_client(RD_KAFKA_PRODUCER, NULL);
  rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(owner, BROKERS);
  servers = rd_kafka_mock_cluster_bootstraps(cluster);
  for (int i = 2; i < argc; i++)
    rd_kafka_mock_topic_create(cluster, argv[i], atoi(argv[1]), 1);
  rd_kafka_t *producer = new_client(RD_KAFKA_PRODUCER, NULL);
  puts(servers);
  fflush(stdout);
  while (getline(&line, &size, stdin) > 0) {
    line[strcspn(line, "\n")] = '\0';
    char **words = g_strsplit(line, " ", 4);
    obey(words, producer, cluster);
    g_strfreev(words);
  }
  free(line);
  return 0; /* the end of the process is the end of the cluster */
}
