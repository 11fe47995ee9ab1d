/* calibration.h - statistics of good pictures and the threshold they give
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

/* The processes that calibrate one model together; all have the same model and pictures, and get the same result, which
 * is that of one process but for the order of additions. */
typedef struct {
  guint rank, n;                         /* this one's number, from 0, of how many */
  void (*sum)(gsize n, double *numbers); /* in place, over all processes */
} CbiganCalibrationShare;

typedef struct {
  CbiganScoreKind score; /* that the model will prefer */
  gboolean aligned;      /* objects: statistics per position; else one for all positions */
  double false_alarms;   /* target share of good pictures over the threshold, 0..0.5 */
  const char *backend;
  int device, threads;
  /* Good pictures that were trained on, for the critic's statistics only. D treats them almost like others, and more
   * pictures give a better covariance. The threshold does not use them. NULL = none. */
  const CbiganFrame *seen;
  guint n_seen;
  const CbiganCalibrationShare *share; /* NULL = this process alone */
} CbiganCalibrationOptions;

/* Whether statistics are kept per position: as in the model's, or if it has none, when its frame is one patch. */
gboolean cbigan_model_is_aligned(const CbiganModel *model);

/* Scores in bf16 compared with scores in fp32 */
typedef struct {
  guint pictures, changed; /* pictures scored in both precisions; pictures whose verdict differs */
  double error;            /* largest difference of the score, as a fraction of the larger of score and threshold */
  char *untried;           /* why bf16 was not tried, in words; NULL: it was */
} CbiganBf16Check;

/* A larger error is refused even if no verdict changed: a later picture may score nearer to the threshold. */
#define CBIGAN_BF16_LIMIT 0.05
void cbigan_bf16_check_clear(CbiganBf16Check *check);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganBf16Check, cbigan_bf16_check_clear)

/* Fills model->map, model->critic, info.light_*, info.score(s), info.good_scores, info.threshold and info.usual from
 * good pictures that were not trained on. Scores for the threshold are out of fold: each picture is scored against
 * statistics of the others, so they are not too small. At least 4 frames, of the model's frame size. All in fp32. With
 * a mask of the model, the frames' ignored pixels are filled already, by cbigan_areas_fill(). bf16: gets the result of
 * cbigan_model_check_bf16(); NULL = no check, and info.bf16_error becomes NAN. */
gboolean cbigan_model_calibrate(CbiganModel *model, const CbiganCalibrationOptions *options, const CbiganFrame *frames,
                                guint n, CbiganBf16Check *bf16, GError **error);
/* Whether a calibrated model's verdicts are the same in bf16, on good pictures and on synthetic defects in them. Sets
 * info.bf16_error: NAN where a verdict changes, the error is over the limit, or it can't be tried. Never fails. */
void cbigan_model_check_bf16(CbiganModel *model, const CbiganCalibrationOptions *options, const CbiganFrame *frames,
                             guint n, CbiganBf16Check *check);
/* inspector_calibration.c: an inspector's threshold and good scores, from its values of good pictures and their
 * peaks [n * CBIGAN_CELLS_PEAKS]. */
void cbigan_inspector_set_threshold(CbiganModel *model, const double *values, const double *peaks, guint n,
                                    double false_alarms);
/* As above, from pictures: cbigan_model_calibrate() of an inspector. The inspector's statistics do not change. */
gboolean cbigan_inspector_calibrate(CbiganModel *model, const CbiganCalibrationOptions *options,
                                    const CbiganFrame *frames, guint n, GError **error);
/* The threshold that a share `false_alarms` of good pictures exceeds, from n of their scores: the empirical quantile
 * where n suffices, else a fitted upper tail. */
double cbigan_threshold_for(const double *good_scores, guint n, double false_alarms);
/* The same for n pictures' values, which may be negative, where n is small: from the tail of their highest places
 * together, and not below the picture that must not be over it. peaks: [n * each] values of those places; a missing
 * one is -G_MAXFLOAT. each: 5 or more. */
double cbigan_threshold_for_few(const double *values, const double *peaks, guint each, guint n, double false_alarms);

G_END_DECLS
