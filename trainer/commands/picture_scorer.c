/* picture_scorer.c - scores pictures as they are read, some at a time
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "picture_scorer.h"
#include "i18n.h"

#define AT_A_TIME 16 /* small pictures are scored faster together; large ones still fit in memory */

struct _CbiganPictureScorer {
  CbiganScorer *scorer;
  CbiganScoredFunc func;
  gpointer data;
  CbiganPicture *pictures[AT_A_TIME];
  CbiganResult results[AT_A_TIME];
  guint n;
};

CbiganPictureScorer *
cbigan_picture_scorer_new(CbiganScorer *scorer, CbiganScoredFunc func, gpointer data)
{
  CbiganPictureScorer *self = g_new0(CbiganPictureScorer, 1);

  self->scorer = scorer;
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

gboolean
cbigan_picture_scorer_push(CbiganPicture *picture, gpointer self, GError **error)
{
  CbiganPictureScorer *s = self;

  s->pictures[s->n++] = picture;
  return s->n < AT_A_TIME || cbigan_picture_scorer_flush(s, error);
}

gboolean
cbigan_picture_scorer_flush(CbiganPictureScorer *self, GError **error)
{
  CbiganFrame frames[AT_A_TIME];
  gboolean fine = TRUE;

  for (guint i = 0; i < self->n; i++)
    frames[i] = cbigan_picture_frame(self->pictures[i]);
  if (self->n && !cbigan_scorer_score(self->scorer, frames, self->n, self->results, error)) {
    g_prefix_error(error, self->n > 1 ? _("%s and what follows: ") : "%s: ", self->pictures[0]->path);
    fine = FALSE;
  }
  for (guint i = 0; fine && i < self->n; i++)
    fine = self->func(self->pictures[i], &self->results[i], self->data, error);
  drop_pictures(self);
  return fine;
}
