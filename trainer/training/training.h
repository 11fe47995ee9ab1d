/* training.h - one training run, from pictures to a model file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/dataset.h"
#include "score/calibration.h"

G_BEGIN_DECLS

typedef enum { CBIGAN_PRESET_OBJECT, CBIGAN_PRESET_TEXTURE } CbiganPreset;

typedef struct {
  CbiganPreset preset; /* object: one patch a frame, statistics per position; texture: random crops, one for all */
  int width, patch;    /* c, patch side */
  int frame_width, frame_height; /* of the model; 0 x 0 = native (texture only) */
  guint64 seed;
  int batch;                /* 32 */
  guint warmup_steps;       /* consistency loss alone (Eq. 10), E and G; none at alpha = 0 */
  guint steps;              /* adversarial G/E updates after the warm-up */
  int critic_updates;       /* D updates to one G/E update */
  double alpha;             /* Eq. 13; 0 = EGBAD, 1 = double autoencoder */
  double rate, warmup_rate; /* Adam; > 0, finite */
  double decay;             /* moving average of E and G, below 1; NAN: spans a fiftieth of all steps */
  double penalty;           /* gradient penalty's weight, 10 */
  double rotation;          /* degrees: uniform in +-rotation */
  double held_out;          /* share of the good pictures kept for calibration, 0..0.5 */
  double false_alarms;      /* target rate on good pictures, for the threshold */
  CbiganScoreKind score;    /* that the model prefers */
  CbiganFeatureTap tap;
  double lambda;
  const char *backend;
  int device, threads;
  guint checkpoint_seconds; /* 0 = only at the end and when stopped */
} CbiganTrainOptions;

/* Defaults of a preset; the caller changes what was asked for. */
void cbigan_train_options_init(CbiganTrainOptions *options, CbiganPreset preset);
/* FALSE with CBIGAN_ERROR_ARGUMENT naming option, value and range. */
gboolean cbigan_train_options_check(const CbiganTrainOptions *options, GError **error);

typedef struct {
  guint step, steps; /* of warm-up and adversarial phase together */
  gboolean warming_up;
  double seconds;        /* since this run began */
  double waited;         /* of these, until a batch was ready */
  double rate;           /* steps a second, lately */
  double loss_r, loss_d; /* L_R a sample (Eq. 11) and L_D (Eq. 6), lately; NAN where not computed */
} CbiganTrainProgress;

typedef struct _CbiganTraining CbiganTraining;

/* pictures: all good, of the model's frame size or (native) any size >= patch; kept until free. Seeds everything. */
CbiganTraining *cbigan_training_new(const CbiganTrainOptions *options, const CbiganDataset *pictures, GError **error);
void cbigan_training_free(CbiganTraining *self);
/* Continue where a checkpoint stopped: same options and pictures, or CBIGAN_ERROR_ARGUMENT says which differs. */
gboolean cbigan_training_resume(CbiganTraining *self, const char *checkpoint, GError **error);
gboolean cbigan_training_save(CbiganTraining *self, const char *checkpoint, GError **error); /* atomic */
/* One step; FALSE with an error (loss is not finite, device): then nothing of this run can be saved. *progress is
 * filled. */
gboolean cbigan_training_step(CbiganTraining *self, CbiganTrainProgress *progress, GError **error);
gboolean cbigan_training_done(const CbiganTraining *self);
/* Averaged E and G, D, calibrated on the held-out pictures; bf16: as cbigan_model_calibrate(), stays as it is where
 * none were held out. Free with cbigan_model_unref(). */
CbiganModel *cbigan_training_finish(CbiganTraining *self, CbiganBf16Check *bf16, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganTraining, cbigan_training_free)

G_END_DECLS
