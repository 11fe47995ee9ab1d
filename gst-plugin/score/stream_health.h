/* stream_health.h - what is wrong with a stream of pictures, and since when
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cbigan.h tells what is wrong with one picture. A condition of the stream begins when its pictures have been wrong for
 * a time, and ends when they have been right for that time.
 */
#pragma once
#include <cbigan.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define CBIGAN_DRIFT_SCORES 128

typedef struct {
  GstClockTime confirm; /* ns for which pictures must be wrong, or right again */
  GstClockTime freeze;  /* ns without a change after which a stream is frozen; 0 = never */
} CbiganHealthRules;

typedef struct {
  gboolean on;
  guint id;             /* of the condition that is or was on; never used again */
  double figure, limit; /* as in CbiganHealth, of the last picture */
  GstClockTime begin;   /* running time of the first wrong picture, ns; NONE = unknown */
  GstClockTime started; /* CbiganStreamHealth.clock there */
  gboolean turning;     /* pictures say the opposite of `on`, */
  GstClockTime since;   /* from this `clock` on */
} CbiganCondition;

/* Zeroed = before the first picture. */
typedef struct {
  CbiganCondition conditions[CBIGAN_N_HEALTH];
  guint last_id;
  GstClockTime clock;        /* sum of the steps forward that the running time made, ns */
  GstClockTime running_time; /* of the last picture */
  gboolean started;          /* there was one */
  guint16 still[CBIGAN_SAMPLES_SIDE * CBIGAN_SAMPLES_SIDE]; /* of the picture from which on nothing changed */
  gboolean has_still;
  GstClockTime still_since;           /* `clock` then */
  double scores[CBIGAN_DRIFT_SCORES]; /* a ring, entry i % CBIGAN_DRIFT_SCORES is the i-th */
  guint n_scores;
  GstClockTime score_at; /* `clock` at the last of them */
} CbiganStreamHealth;

/* The next picture, and its health by cbigan_health_check(). score: of the model's own kind; NAN = unknown;
 * running_time: ns, NONE = unknown: then conditions begin and end at once. Returns the conditions that began or ended,
 * bits of CbiganHealthKind. */
guint cbigan_stream_health_step(CbiganStreamHealth *self, const CbiganModelInfo *info, const CbiganHealthRules *rules,
                                const CbiganPictureMeasures *measures, const CbiganHealth *health, double score,
                                GstClockTime running_time);
/* Turns a condition on or off that no picture tells. TRUE: that is a change. */
gboolean cbigan_stream_health_set(CbiganStreamHealth *self, CbiganHealthKind kind, gboolean on, double figure,
                                  double limit);
/* Ends all conditions, and forgets pictures and scores. Returns those that were on. */
guint cbigan_stream_health_finish(CbiganStreamHealth *self);
/* The conditions that are on, bits of CbiganHealthKind. */
guint cbigan_stream_health_bits(const CbiganStreamHealth *self);
/* Sets the fields of a message about a condition that has just begun or ended. */
void cbigan_stream_health_fields(const CbiganStreamHealth *self, CbiganHealthKind kind, GstStructure *message);
/* Names joined by commas, or "good" (transfer full). */
char *cbigan_stream_health_text(guint bits);

G_END_DECLS
