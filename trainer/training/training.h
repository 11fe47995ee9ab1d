/* training.h - one training run, from pictures to a model
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/dataset.h"
#include "score/calibration.h"
#include "train_options.h"

G_BEGIN_DECLS

typedef struct {
  guint step, steps; /* of warm-up and adversarial phase together */
  gboolean warming_up;
  double seconds;        /* since this run began */
  double waited;         /* seconds of these that passed until a batch was ready */
  double rate;           /* steps per second, smoothed */
  double loss_r, loss_d; /* L_R per sample (Eq. 11) and L_D (Eq. 6), smoothed; NAN where not computed */
} CbiganTrainProgress;

typedef struct _CbiganTraining CbiganTraining;

/* pictures: all good, of the model's frame size or (0 x 0) of any size >= patch; they must outlive the run. The
 * options' seed decides all that is random. Free with cbigan_training_free(). NULL with CBIGAN_ERROR_ARGUMENT (an
 * option, the pictures) or CBIGAN_ERROR_BACKEND. */
CbiganTraining *cbigan_training_new(const CbiganTrainOptions *options, const CbiganDataset *pictures, GError **error);
void cbigan_training_free(CbiganTraining *self);
/* Continues where a checkpoint stopped. Before the first step. FALSE with CBIGAN_ERROR_ARGUMENT when the options or
 * pictures differ, which the message names, CBIGAN_ERROR_FILE or CBIGAN_ERROR_FORMAT. */
gboolean cbigan_training_resume(CbiganTraining *self, const char *checkpoint, GError **error);
/* Writes a checkpoint, atomically. */
gboolean cbigan_training_save(CbiganTraining *self, const char *checkpoint, GError **error);
/* Does one step and fills *progress. FALSE with an error (loss not finite, device): this run can't be saved any more.
 */
gboolean cbigan_training_step(CbiganTraining *self, CbiganTrainProgress *progress, GError **error);
gboolean cbigan_training_done(const CbiganTraining *self);
/* The model: averaged E and G, D, calibrated on the pictures held out. bf16: as cbigan_model_calibrate(); untouched
 * when none are held out. Free with cbigan_model_unref(). */
CbiganModel *cbigan_training_finish(CbiganTraining *self, CbiganBf16Check *bf16, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganTraining, cbigan_training_free)

G_END_DECLS
