/* anomaly_events.h - when an anomaly begins and ends, and which of it is worth a message
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a way of updating: a value here, a row in update_rules[] and one in the enum of score_properties.c.
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
  guint id;           /* of the last one, from 1 */
  gboolean below;     /* the score is back under the threshold ... */
  GstClockTime since; /* ... since this running time */
  gboolean told;      /* a message was wanted ... */
  GstClockTime last;  /* ... at this running time */
} CbiganEvents;

/* What a scored frame is. An anomaly begins at a frame over the threshold; it ends once the score stayed below 90 % of
 * the threshold for `hold`, so a score that flutters around the threshold makes one event. normalized: as in
 * CbiganResult. */
CbiganEventKind cbigan_events_step(CbiganEvents *self, double normalized, GstClockTime running_time, GstClockTime hold);
/* Whether that is worth a message; notes that it was given. interval: for CBIGAN_UPDATES_INTERVAL. */
gboolean cbigan_events_wanted(CbiganEvents *self, CbiganEventKind kind, CbiganUpdates updates,
                              GstClockTime running_time, GstClockTime interval);
/* Ends the open one, if any (end of stream, flush); TRUE: there was one. */
gboolean cbigan_events_finish(CbiganEvents *self);
const char *cbigan_event_name(CbiganEventKind kind); /* "score", "begin", "update", "end" */

G_END_DECLS
