/* picture_scorer.c - scores pictures while they are read, several at a time
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "picture_scorer.h"
#include "command.h"
#include "data/memory.h"
#include "i18n.h"

#define AT_A_TIME 16               /* small pictures are scored faster together */
#define BYTES_AT_A_TIME (64 << 20) /* of their pixels: large pictures are scored one by one */
#define BYTES_PER_PIXEL 48         /* that a scorer keeps of a frame; measured: 35, or 55 with a map and the picture */
#define LOST_IN_A_ROW 8            /* after which the failures are not due to the pictures */

struct _CbiganPictureScorer {
  CbiganScorer *scorer;
  gboolean strict;
  CbiganScoredFunc func;
  gpointer data;
  CbiganPicture *pictures[AT_A_TIME];
  CbiganResult results[AT_A_TIME];
  guint n, lost, lost_in_a_row;
  gsize bytes; /* of the pictures that wait */
};

CbiganPictureScorer *
cbigan_picture_scorer_new(CbiganScorer *scorer, gboolean strict, CbiganScoredFunc func, gpointer data)
{
  CbiganPictureScorer *self = g_new0(CbiganPictureScorer, 1);

  self->scorer = scorer;
  self->strict = strict;
  self->func = func;
  self->data = data;
  return self;
}

static void
drop_pictures(CbiganPictureScorer *self)
{
  for (guint i = 0; i < self->n; i++)
    cbigan_picture_free(self->pictures[i]);
  self->n = 0;
  self->bytes = 0;
}

void
cbigan_picture_scorer_free(CbiganPictureScorer *self)
{
  if (!self)
    return;
  drop_pictures(self);
  for (guint i = 0; i < AT_A_TIME; i++)
    cbigan_result_clear(&self->results[i]);
  g_free(self);
}

guint
cbigan_picture_scorer_lost(const CbiganPictureScorer *self)
{
  return self->lost;
}

gboolean
cbigan_picture_scorer_push(CbiganPicture *picture, gpointer self, GError **error)
{
  CbiganPictureScorer *s = self;

  s->pictures[s->n++] = picture;
  s->bytes += 3 * (gsize)picture->width * (gsize)picture->height +
              3 * (gsize)picture->original_width * (gsize)picture->original_height;
  return (s->n < AT_A_TIME && s->bytes < BYTES_AT_A_TIME) || cbigan_picture_scorer_flush(s, error);
}

/* A scorer takes memory of the frames' size; whether there is any is asked before. */
static gboolean
score(CbiganPictureScorer *self, const CbiganFrame *frames, guint n, CbiganResult *results, GError **error)
{
  guint64 pixels = 0;

  for (guint i = 0; i < n; i++)
    pixels = MAX(pixels, (guint64)frames[i].width * (guint64)frames[i].height);
  return cbigan_memory_check(pixels * BYTES_PER_PIXEL, error) &&
         cbigan_scorer_score(self->scorer, frames, n, results, error);
}

/* TRUE if the run can go on without the picture. */
static gboolean
lose(CbiganPictureScorer *self, const CbiganPicture *picture, GError *reason, GError **error)
{
  g_prefix_error(&reason, "%s: ", picture->path);
  if (self->strict || ++self->lost_in_a_row >= LOST_IN_A_ROW) {
    g_propagate_error(error, reason);
    return FALSE;
  }
  cbigan_command_fail(reason);
  g_error_free(reason);
  self->lost++;
  return TRUE;
}

/* All failed together, so each is tried by itself. */
static gboolean
score_one_by_one(CbiganPictureScorer *self, const CbiganFrame *frames, GError **error)
{
  gboolean fine = TRUE;

  for (guint i = 0; fine && i < self->n; i++) {
    GError *reason = NULL;

    if (score(self, &frames[i], 1, &self->results[i], &reason)) {
      self->lost_in_a_row = 0;
      fine = self->func(self->pictures[i], &self->results[i], self->data, error);
    } else {
      fine = lose(self, self->pictures[i], reason, error);
    }
  }
  return fine;
}

gboolean
cbigan_picture_scorer_flush(CbiganPictureScorer *self, GError **error)
{
  CbiganFrame frames[AT_A_TIME];
  gboolean fine = TRUE;

  for (guint i = 0; i < self->n; i++)
    frames[i] = cbigan_picture_frame(self->pictures[i]);
  if (self->n && !score(self, frames, self->n, self->results, NULL))
    fine = score_one_by_one(self, frames, error);
  else
    for (guint i = 0; fine && i < self->n; i++)
      fine = self->func(self->pictures[i], &self->results[i], self->data, error);
  drop_pictures(self);
  return fine;
}
