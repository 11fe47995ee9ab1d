/* sender.h - takes messages from a stream to a broker, in a thread of its own
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Messages wait in a bounded queue. With a spool, what can't be sent for a second moves to the disk, and what was sent
 * but not acknowledged too. All leave in the order of cbigan_sender_push(), at least once. What is dropped is counted.
 */
#pragma once
#include <gst/gst.h>

#include "broker.h"
#include "spool.h"

G_BEGIN_DECLS

typedef struct _CbiganSender CbiganSender;

/* All strings must outlive the sender. */
typedef struct {
  const char *kind; /* of the broker: cbigan_broker_parse() */
  CbiganBrokerAddress address;
  const char *key;                     /* CbiganBrokerMessage */
  CbiganBrokerMessage online, offline; /* CbiganBrokerListener */
  guint queue_size;                    /* messages, 1 or more */
  const char *spool;                   /* file; NULL = none */
  guint64 spool_size, spool_age;       /* bytes; seconds, 0 = no limit */
  guint interval;                      /* ms between calls of tick(); 0 = none */
  /* These are called in the sender's thread. */
  void (*tick)(gpointer data); /* may push messages */
  /* Something is wrong (bad), or well again. Said once until it changes. */
  void (*tell)(gboolean bad, const char *text, gpointer data);
  gpointer data;
} CbiganSenderOptions;

/* Starts the thread. A broker that can't be reached is no error. NULL with G_THREAD_ERROR: there is no thread. */
CbiganSender *cbigan_sender_new(const CbiganSenderOptions *options, GError **error);
/* Any thread; waits for nothing but a short lock. data: transfer full; reference: NULL = none. */
void cbigan_sender_push(CbiganSender *self, const char *topic, const char *reference, GBytes *data);
/* The same with a picture, which the thread encodes as JPEG. Few pictures may wait; a further one is dropped. */
void cbigan_sender_push_picture(CbiganSender *self, const char *topic, const char *reference, GstSample *picture);
/* Ends the thread and frees the sender. Waits up to patience_ms for the broker; the rest goes to the spool. Returns the
 * last figures, as cbigan_sender_stats() does. */
GstStructure *cbigan_sender_free(CbiganSender *self, guint patience_ms);
/* The figures, named `stats` (transfer full). Any thread. */
GstStructure *cbigan_sender_stats(CbiganSender *self);

G_END_DECLS
