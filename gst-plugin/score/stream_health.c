/* stream_health.c - what is wrong with a stream of pictures, and since when
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "stream_health.h"

#include <stdlib.h>
#include <string.h>

#define STILL 0.2 /* mean difference of samples, quarters of a grey level: less than a camera's noise */
#define SCORE_INTERVAL (500 * GST_MSECOND) /* between scores that count for drift: one part must not fill the ring */
#define ENOUGH_SCORES 64
#define ENOUGH_GOOD 8
#define BIT(kind) (1u << (kind))

/* Moves `clock` on; a jump back counts for nothing. */
static void
pass_time(CbiganStreamHealth *self, GstClockTime running_time)
{
  if (!GST_CLOCK_TIME_IS_VALID(running_time))
    return;
  if (self->started && running_time > self->running_time)
    self->clock += running_time - self->running_time;
  self->running_time = running_time;
  self->started = TRUE;
}

/* Turns the condition over when pictures have said the opposite for `after`. TRUE: it is turned. */
static gboolean
say(CbiganStreamHealth *self, CbiganHealthKind kind, gboolean wrong, GstClockTime after, GstClockTime running_time)
{
  CbiganCondition *c = &self->conditions[kind];
  if (wrong == c->on) {
    c->turning = FALSE;
    return FALSE;
  }
  if (!c->turning) {
    c->turning = TRUE;
    c->since = self->clock;
    if (wrong) {
      c->started = self->clock;
      c->begin = running_time;
    }
  }
  if (GST_CLOCK_TIME_IS_VALID(running_time) && self->clock - c->since < after)
    return FALSE;
  c->on = wrong;
  c->turning = FALSE;
  if (wrong)
    c->id = ++self->last_id;
  return TRUE;
}

/* --- frozen ------------------------------------------------------------------------------------------------------- */

/* Time for which nothing has changed, ns. The first picture of a still period is compared, so a slow change counts. */
static GstClockTime
still_time(CbiganStreamHealth *self, const guint16 *samples)
{
  const gsize n = G_N_ELEMENTS(self->still);
  guint32 difference = 0;
  for (gsize i = 0; i < n; i++)
    difference += (guint32)ABS((int)samples[i] - (int)self->still[i]);
  if (!self->has_still || (double)difference > STILL * (double)n) {
    memcpy(self->still, samples, sizeof self->still);
    self->still_since = self->clock;
    self->has_still = TRUE;
  }
  return self->clock - self->still_since;
}

/* --- drift -------------------------------------------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double
median_score(const CbiganStreamHealth *self)
{
  double sorted[CBIGAN_DRIFT_SCORES];
  const guint n = MIN(self->n_scores, CBIGAN_DRIFT_SCORES);
  memcpy(sorted, self->scores, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, compare);
  return sorted[n / 2];
}

/* Whether the median of the last scores lies beyond all good pictures' scores. */
static gboolean
has_drifted(CbiganStreamHealth *self, const CbiganModelInfo *info, double score, double *median, double *limit)
{
  if (isnan(score) || info->n_good_scores < ENOUGH_GOOD)
    return FALSE;
  if (!self->n_scores || self->clock - self->score_at >= SCORE_INTERVAL) {
    self->scores[self->n_scores++ % CBIGAN_DRIFT_SCORES] = score;
    self->score_at = self->clock;
  }
  if (self->n_scores < ENOUGH_SCORES)
    return FALSE;
  double least = info->good_scores[0], most = least;
  for (guint i = 1; i < info->n_good_scores; i++) {
    least = MIN(least, info->good_scores[i]);
    most = MAX(most, info->good_scores[i]);
  }
  *median = median_score(self);
  *limit = *median < least ? least : most;
  return *median < least || *median > most;
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

guint
cbigan_stream_health_step(CbiganStreamHealth *self, const CbiganModelInfo *info, const CbiganHealthRules *rules,
                          const CbiganPictureMeasures *measures, const CbiganHealth *health, double score,
                          GstClockTime running_time)
{
  guint changed = 0;
  pass_time(self, running_time);
  for (int kind = 0; kind < CBIGAN_HEALTH_DRIFT; kind++) {
    const gboolean wrong = (health->faults & BIT(kind)) != 0;
    if (wrong || !self->conditions[kind].on) {
      self->conditions[kind].figure = health->figures[kind];
      self->conditions[kind].limit = health->limits[kind];
    }
    if (say(self, (CbiganHealthKind)kind, wrong, rules->confirm, running_time))
      changed |= BIT(kind);
  }
  double median = NAN, limit = NAN;
  const gboolean drifted = has_drifted(self, info, score, &median, &limit);
  if (drifted) {
    self->conditions[CBIGAN_HEALTH_DRIFT].figure = median;
    self->conditions[CBIGAN_HEALTH_DRIFT].limit = limit;
  }
  if (say(self, CBIGAN_HEALTH_DRIFT, drifted, rules->confirm, running_time))
    changed |= BIT(CBIGAN_HEALTH_DRIFT);
  const GstClockTime still = still_time(self, measures->samples);
  const gboolean frozen = rules->freeze && still >= rules->freeze;
  if (cbigan_stream_health_set(self, CBIGAN_HEALTH_FROZEN, frozen, (double)still / GST_SECOND,
                               (double)rules->freeze / GST_SECOND))
    changed |= BIT(CBIGAN_HEALTH_FROZEN);
  return changed;
}

gboolean
cbigan_stream_health_set(CbiganStreamHealth *self, CbiganHealthKind kind, gboolean on, double figure, double limit)
{
  CbiganCondition *c = &self->conditions[kind];
  const gboolean changed = on != c->on;
  if (on) {
    c->figure = figure;
    c->limit = limit;
  }
  if (on && changed) {
    c->id = ++self->last_id;
    c->started = self->clock;
    c->begin = self->started ? self->running_time : GST_CLOCK_TIME_NONE;
  }
  c->on = on;
  return changed;
}

guint
cbigan_stream_health_bits(const CbiganStreamHealth *self)
{
  guint bits = 0;
  for (int kind = 0; kind < CBIGAN_N_HEALTH; kind++)
    bits |= self->conditions[kind].on ? BIT(kind) : 0;
  return bits;
}

guint
cbigan_stream_health_finish(CbiganStreamHealth *self)
{
  const guint ended = cbigan_stream_health_bits(self);
  for (int kind = 0; kind < CBIGAN_N_HEALTH; kind++)
    self->conditions[kind].on = self->conditions[kind].turning = FALSE;
  self->has_still = FALSE;
  self->n_scores = 0;
  return ended;
}

void
cbigan_stream_health_fields(const CbiganStreamHealth *self, CbiganHealthKind kind, GstStructure *message)
{
  const CbiganCondition *c = &self->conditions[kind];
  gst_structure_set(message, "condition", G_TYPE_STRING, cbigan_health_name(kind), "event", G_TYPE_STRING,
                    c->on ? "begin" : "end", "health-id", G_TYPE_UINT, c->id, "figure", G_TYPE_DOUBLE, c->figure,
                    "limit", G_TYPE_DOUBLE, c->limit, "begin-running-time", G_TYPE_UINT64, c->begin,
                    "condition-duration", G_TYPE_UINT64, self->clock - c->started, NULL);
}

char *
cbigan_stream_health_text(guint bits)
{
  GString *text = g_string_new(NULL);
  for (int kind = 0; kind < CBIGAN_N_HEALTH; kind++)
    if (bits & BIT(kind))
      g_string_append_printf(text, "%s%s", text->len ? "," : "", cbigan_health_name((CbiganHealthKind)kind));
  return g_string_free(text->len ? text : g_string_append(text, "good"), FALSE);
}
