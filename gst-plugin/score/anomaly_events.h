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

/* A scored frame, as far as anomalies are concerned. */
typedef struct {
  double score, normalized;  /* as in CbiganResult */
  gboolean too_small;        /* over the threshold, but in no region of the wanted area */
  GstClockTime timestamp;    /* of the buffer, ns */
  GstClockTime running_time; /* ns; GST_CLOCK_TIME_NONE = unknown */
} CbiganEventFrame;

/* When an anomaly begins and ends. */
typedef struct {
  guint confirm_frames;      /* scored frames in a row that must be over the threshold, at least 1 */
  GstClockTime confirm_time; /* ns from the first of them that must have passed */
  GstClockTime hold;         /* ns that the score must stay below 90 % of the threshold */
} CbiganEventRules;

/* Zeroed = before the first frame. */
typedef struct {
  gboolean open;             /* an anomaly is on */
  guint id;                  /* number of the last anomaly, from 1; never used again */
  guint over;                /* frames in a row over the threshold while none is on */
  gboolean below;            /* the score is below 90 % of the threshold */
  GstClockTime clock;        /* sum of the steps forward that the running time made: a jump back counts for nothing */
  gboolean started;          /* a frame with a running time came */
  GstClockTime running_time; /* of the last such frame */
  GstClockTime begin, since; /* `clock` at the first frame over the threshold, and where `below` became TRUE */
  CbiganEventFrame first;    /* the first frame over the threshold */
  CbiganEventFrame peak;     /* the frame with the highest score since then */
  gboolean told;             /* a message was wanted */
  GstClockTime last;         /* running time of the last wanted message */
} CbiganEvents;

/* Returns the event of a scored frame. An anomaly begins when frames over the threshold have confirmed it. It ends when
 * the score has stayed below 90 % of the threshold for `hold`, so that a score that flutters around the threshold
 * makes one event. */
CbiganEventKind cbigan_events_step(CbiganEvents *self, const CbiganEventFrame *frame, const CbiganEventRules *rules);
/* Sets the fields of messages that belong to an anomaly: its number, begin, peak, and duration. The duration goes from
 * the first frame over the threshold to the first of the frames below at its end. */
void cbigan_events_fields(const CbiganEvents *self, GstStructure *message);
/* Whether the event deserves a message, and if so notes its time. interval: ns, for CBIGAN_UPDATES_INTERVAL */
gboolean cbigan_events_wanted(CbiganEvents *self, CbiganEventKind kind, CbiganUpdates updates,
                              GstClockTime running_time, GstClockTime interval);
/* Ends the anomaly that is on, where no frame will. The number of the next anomaly stays. FALSE: none was on. */
gboolean cbigan_events_finish(CbiganEvents *self);
const char *cbigan_event_name(CbiganEventKind kind); /* "score", "begin", "update", "end" */

G_END_DECLS
