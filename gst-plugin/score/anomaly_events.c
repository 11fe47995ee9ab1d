/* anomaly_events.c - when an anomaly begins and ends
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "anomaly_events.h"

#define BEGIN_ABOVE 0.5       /* normalized: the threshold itself */
#define END_BELOW (0.9 / 1.9) /* normalized: 90 % of the threshold */
#define BIT(kind) (1u << (kind))

static const struct {
  guint always; /* bits of the events that are posted at once */
  guint timed;  /* bits of the events that are posted when `interval` has passed since the last message */
} update_rules[] = {
  [CBIGAN_UPDATES_NONE] = { 0, 0 },
  [CBIGAN_UPDATES_ON_CHANGE] = { BIT(CBIGAN_EVENT_BEGIN) | BIT(CBIGAN_EVENT_END), 0 },
  [CBIGAN_UPDATES_ON_ANOMALY] = { BIT(CBIGAN_EVENT_BEGIN) | BIT(CBIGAN_EVENT_UPDATE) | BIT(CBIGAN_EVENT_END), 0 },
  [CBIGAN_UPDATES_INTERVAL] = { BIT(CBIGAN_EVENT_BEGIN) | BIT(CBIGAN_EVENT_END),
                                BIT(CBIGAN_EVENT_SCORE) | BIT(CBIGAN_EVENT_UPDATE) },
  [CBIGAN_UPDATES_EVERY_FRAME] = { ~0u, 0 },
};

/* Moves `clock` on. A clock or a stream that jumps back must neither keep an anomaly open nor make it last for ever. */
static void
pass_time(CbiganEvents *self, GstClockTime running_time)
{
  const gboolean known = GST_CLOCK_TIME_IS_VALID(running_time);
  if (known && self->started && running_time > self->running_time)
    self->clock += running_time - self->running_time;
  self->started |= known;
  if (known)
    self->running_time = running_time;
}

static void
note_peak(CbiganEvents *self, const CbiganEventFrame *frame)
{
  if (frame->score > self->peak.score)
    self->peak = *frame;
}

/* A frame while no anomaly is on. */
static CbiganEventKind
confirm(CbiganEvents *self, const CbiganEventFrame *frame, const CbiganEventRules *rules)
{
  if (!(frame->normalized > BEGIN_ABOVE) || frame->too_small) { /* so for NaN too, which stands for no threshold */
    self->over = 0;
    return CBIGAN_EVENT_SCORE;
  }
  if (!self->over++) {
    self->first = self->peak = *frame;
    self->begin = self->clock;
  }
  note_peak(self, frame);
  const gboolean timed = GST_CLOCK_TIME_IS_VALID(frame->running_time);
  if (self->over < rules->confirm_frames || (timed && self->clock - self->begin < rules->confirm_time))
    return CBIGAN_EVENT_SCORE;
  self->open = TRUE;
  self->below = FALSE;
  self->over = 0;
  self->id++;
  return CBIGAN_EVENT_BEGIN;
}

CbiganEventKind
cbigan_events_step(CbiganEvents *self, const CbiganEventFrame *frame, const CbiganEventRules *rules)
{
  pass_time(self, frame->running_time);
  if (!self->open)
    return confirm(self, frame, rules);
  const gboolean below = !(frame->normalized >= END_BELOW) || frame->too_small;
  if (below && !self->below)
    self->since = self->clock;
  self->below = below;
  note_peak(self, frame);
  if (!below || (GST_CLOCK_TIME_IS_VALID(frame->running_time) && self->clock - self->since < rules->hold))
    return CBIGAN_EVENT_UPDATE;
  self->open = FALSE;
  return CBIGAN_EVENT_END;
}

gboolean
cbigan_events_wanted(CbiganEvents *self, CbiganEventKind kind, CbiganUpdates updates, GstClockTime running_time,
                     GstClockTime interval)
{
  gboolean due = !self->told || !GST_CLOCK_TIME_IS_VALID(running_time) || !GST_CLOCK_TIME_IS_VALID(self->last) ||
                 running_time < self->last || running_time - self->last >= interval;
  gboolean wanted = (update_rules[updates].always & BIT(kind)) || (due && (update_rules[updates].timed & BIT(kind)));
  if (wanted) {
    self->told = TRUE;
    self->last = running_time;
  }
  return wanted;
}

gboolean
cbigan_events_finish(CbiganEvents *self)
{
  gboolean was_open = self->open;
  self->open = self->told = FALSE;
  self->over = 0;
  return was_open;
}

void
cbigan_events_fields(const CbiganEvents *self, GstStructure *message)
{
  const GstClockTime end = self->below ? self->since : self->clock;
  gst_structure_set(message, "event-id", G_TYPE_UINT, self->id, "begin-timestamp", G_TYPE_UINT64, self->first.timestamp,
                    "begin-running-time", G_TYPE_UINT64, self->first.running_time, "anomaly-duration", G_TYPE_UINT64,
                    end - self->begin, "peak", G_TYPE_DOUBLE, self->peak.score, "peak-normalized", G_TYPE_DOUBLE,
                    self->peak.normalized, "peak-timestamp", G_TYPE_UINT64, self->peak.timestamp, "peak-running-time",
                    G_TYPE_UINT64, self->peak.running_time, NULL);
}

const char *
cbigan_event_name(CbiganEventKind kind)
{
  static const char *const names[] = { "score", "begin", "update", "end" };
  return names[kind];
}
