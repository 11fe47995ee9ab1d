/* anomaly_events.h - when an anomaly begins and ends, and which events deserve a message
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a value of the property `updates`: a value here, a row in update_rules[] and a row in the enum of
 * score_properties.c.
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  CBIGAN_UPDATES_NONE,
  CBIGAN_UPDATES_ON_CHANGE,
  CBIGAN_UPDATES_ON_ANOMALY,
  CBIGAN_UPDATES_INTERVAL,
  CBIGAN_UPDATES_EVERY_FRAME
} CbiganUpdates;

typedef enum { CBIGAN_EVENT_SCORE, CBIGAN_EVENT_BEGIN, CBIGAN_EVENT_UPDATE, CBIGAN_EVENT_END } CbiganEventKind;

/* Zeroed = before the first frame. */
typedef struct {
  gboolean open;      /* an anomaly is on */
  guint id;           /* number of the last anomaly, from 1 */
  gboolean below;     /* the score is below 90 % of the threshold */
  GstClockTime since; /* running time at which `below` became TRUE */
  gboolean told;      /* a message was wanted */
  GstClockTime last;  /* running time of the last wanted message */
} CbiganEvents;

/* Returns the event of a scored frame. An anomaly begins at a frame over the threshold. It ends when the score has
 * stayed below 90 % of the threshold for `hold`, so that a score that flutters around the threshold makes one event.
 * normalized: as in CbiganResult; running_time: ns, GST_CLOCK_TIME_NONE = unknown; hold: ns */
CbiganEventKind cbigan_events_step(CbiganEvents *self, double normalized, GstClockTime running_time, GstClockTime hold);
/* Whether the event deserves a message, and if so notes its time. interval: ns, for CBIGAN_UPDATES_INTERVAL */
gboolean cbigan_events_wanted(CbiganEvents *self, CbiganEventKind kind, CbiganUpdates updates,
                              GstClockTime running_time, GstClockTime interval);
/* Ends the anomaly that is on, at the end of a stream or a flush. FALSE: none was on. */
gboolean cbigan_events_finish(CbiganEvents *self);
const char *cbigan_event_name(CbiganEventKind kind); /* "score", "begin", "update", "end" */

G_END_DECLS
