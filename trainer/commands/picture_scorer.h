/* picture_scorer.h - scores pictures while they are read, several at a time
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/dataset.h"

G_BEGIN_DECLS

typedef struct _CbiganPictureScorer CbiganPictureScorer;

/* Gets each picture and its result, in the order of pushing. FALSE with an error ends the run. */
typedef gboolean (*CbiganScoredFunc)(const CbiganPicture *picture, const CbiganResult *result, gpointer data,
                                     GError **error);

/* scorer: must outlive it. strict: a picture that can't be scored ends the run; otherwise it is named on standard
 * error, and the others are scored. Free with cbigan_picture_scorer_free(). */
CbiganPictureScorer *cbigan_picture_scorer_new(CbiganScorer *scorer, gboolean strict, CbiganScoredFunc func,
                                               gpointer data);
void cbigan_picture_scorer_free(CbiganPictureScorer *self);
/* A CbiganPictureFunc for cbigan_dataset_foreach(), with `self` as its data. */
gboolean cbigan_picture_scorer_push(CbiganPicture *picture, gpointer self, GError **error);
/* Scores the last pictures pushed. Call it at the end. */
gboolean cbigan_picture_scorer_flush(CbiganPictureScorer *self, GError **error);
/* Pictures that could not be scored. */
guint cbigan_picture_scorer_lost(const CbiganPictureScorer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganPictureScorer, cbigan_picture_scorer_free)

G_END_DECLS
