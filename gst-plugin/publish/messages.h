/* messages.h - what cbiganpublish says of a stream, as JSON
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a kind of message: a row of `kinds` in messages.c, a function that makes it, and its lines in docs/json.md.
 */
#pragma once
#include <gst/gst.h>

#include "sender.h"

G_BEGIN_DECLS

/* Bits. */
typedef enum {
  CBIGAN_PUBLISH_NO_PICTURES = 0,
  CBIGAN_PUBLISH_FRAME = 1,
  CBIGAN_PUBLISH_MAP = 2,
} CbiganPublishPictures;

typedef struct {
  guint scores_interval; /* ms; 0 = no scores */
  gboolean health;       /* tell at once when the pictures' health changes */
  CbiganPublishPictures pictures;
} CbiganPublishChoice;

typedef struct _CbiganPublisher CbiganPublisher;

/* element: has the clock; kind: cbigan_broker_parse(); topic: template, NULL = the kind's own. Free with
 * cbigan_publisher_free(). NULL with CBIGAN_ERROR_ARGUMENT. */
CbiganPublisher *cbigan_publisher_new(GstElement *element, const char *kind, const char *camera, const char *topic,
                                      GError **error);
void cbigan_publisher_free(CbiganPublisher *self);
/* The messages that say whether the camera is there. The publisher owns what they point to. */
void cbigan_publisher_status(const CbiganPublisher *self, CbiganBrokerMessage *online, CbiganBrokerMessage *offline);
/* Counts a buffer and pushes what is to be said of it. score: its CbiganScore, NULL = none; caps: of the buffer, NULL =
 * unknown. The streaming thread. */
void cbigan_publisher_push_frame(CbiganPublisher *self, CbiganSender *sender, const CbiganPublishChoice *choice,
                                 const GstSegment *segment, GstCaps *caps, GstBuffer *buffer,
                                 const GstStructure *score);
/* Ends an anomaly that is open, as its stream has ended. The streaming thread, or after it. */
void cbigan_publisher_finish(CbiganPublisher *self, CbiganSender *sender);
/* stats: of the sender. Any thread. */
void cbigan_publisher_push_health(CbiganPublisher *self, CbiganSender *sender, const GstStructure *stats);

G_END_DECLS
