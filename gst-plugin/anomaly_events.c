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

CbiganEventKind
cbigan_events_step(CbiganEvents *self, double normalized, GstClockTime running_time, GstClockTime hold)
{
  if (!self->open) {
    self->open = normalized > BEGIN_ABOVE; /* never for NaN, which stands for no threshold */
    self->below = FALSE;
    self->id += self->open;
    return self->open ? CBIGAN_EVENT_BEGIN : CBIGAN_EVENT_SCORE;
  }
  gboolean below = !(normalized >= END_BELOW);
  if (below && !self->below)
    self->since = running_time;
  self->below = below;
  if (!below || (hold && GST_CLOCK_TIME_IS_VALID(self->since) && GST_CLOCK_TIME_IS_VALID(running_time) &&
                 running_time < self->since + hold))
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
  self->open = self->below = self->told = FALSE;
  return was_open;
}

const char *
cbigan_event_name(CbiganEventKind kind)
{
  static const char *const names[] = { "score", "begin", "update", "end" };
  return names[kind];
}
