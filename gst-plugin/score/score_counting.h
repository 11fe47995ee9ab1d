/* score_counting.h - the properties `roi`, `mask` and `cutout` of cbiganscore, on their way to the scorer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Any thread sets them. The thread that scores gives them to its scorer before the next frame. A value that can't be
 * used is an error at first. Later it is a warning, and the value before it stays. Where a new
 * model or another size of video makes a value useless, that is a warning too, and the whole picture counts until one
 * of them changes again.
 */
#pragma once
#include <cbigan.h>
#include <gst/gst.h>

#include "cutout.h"

G_BEGIN_DECLS

/* A mask that was read; never changes. */
typedef struct {
  gatomicrefcount references;
  CbiganMask mask;
} CbiganSharedMask;

/* Their values. */
typedef struct {
  char *roi, *path, *cutout; /* as the properties; NULL = none */
  CbiganSharedMask *mask;    /* of path; NULL = none, or not read yet */
} CbiganCountingValues;

typedef struct {
  GstElement *element;
  /* under the element's object lock */
  CbiganCountingValues wanted;
  gboolean changed; /* since the thread that scores took the values */
  /* of the thread that scores */
  CbiganCountingValues used;     /* the last ones that a scorer took */
  gboolean has_used;             /* since the start */
  const CbiganScorer *scorer;    /* the one that has them; NULL = none yet */
  int width, height;             /* of the picture for which it has them */
  int frame_width, frame_height; /* of the picture that is scored; 0 x 0 = the model's */
} CbiganScoreCounting;

void cbigan_score_counting_init(CbiganScoreCounting *self, GstElement *element);
void cbigan_score_counting_clear(CbiganScoreCounting *self);
/* For the properties' setters and getters. A mask is read at once; where that fails, a warning is posted and the mask
 * before it stays. running: otherwise the mask is read by start(). */
void cbigan_score_counting_set_roi(CbiganScoreCounting *self, const char *roi);
void cbigan_score_counting_set_cutout(CbiganScoreCounting *self, const char *cutout);
void cbigan_score_counting_set_mask(CbiganScoreCounting *self, const char *path, gboolean running);
/* (transfer full) NULL = none */
char *cbigan_score_counting_get_roi(CbiganScoreCounting *self);
char *cbigan_score_counting_get_mask(CbiganScoreCounting *self);
char *cbigan_score_counting_get_cutout(CbiganScoreCounting *self);
/* Reads the mask when the element starts. FALSE with CBIGAN_ERROR_FILE. */
gboolean cbigan_score_counting_start(CbiganScoreCounting *self, GError **error);

/* For the thread that scores; sets frame_width and frame_height. info: of the scorer's model; width, height: of the
 * picture; overlap: of cutouts. FALSE with CBIGAN_ERROR_ARGUMENT or CBIGAN_ERROR_FRAME. */
gboolean cbigan_score_counting_apply(CbiganScoreCounting *self, CbiganScorer *scorer, const CbiganModelInfo *info,
                                     int width, int height, double overlap, GError **error);
/* For the same: the scorer is another one from now on. */
void cbigan_score_counting_forget_scorer(CbiganScoreCounting *self);
/* For the same: the mask that is applied, so that frames must lie in host memory; its pixels are NULL where there is
 * none. */
CbiganMask cbigan_score_counting_mask(const CbiganScoreCounting *self);

G_END_DECLS
