/* train_options.h - the options of a training run: presets, ranges, names
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

/* object: one patch per frame, statistics per position; texture: random crops, the same statistics everywhere */
typedef enum { CBIGAN_PRESET_OBJECT, CBIGAN_PRESET_TEXTURE } CbiganPreset;

typedef struct {
  CbiganPreset preset;
  int width, patch;              /* c; side of a patch in pixels: 64 or 128 */
  int frame_width, frame_height; /* of the model; 0 x 0 = each picture's own size (texture only) */
  guint64 seed;
  int batch;                /* 32 */
  guint warmup_steps;       /* of E and G by the consistency loss alone (Eq. 10); none at alpha = 0 */
  guint steps;              /* adversarial updates of E and G after the warm-up */
  int critic_updates;       /* updates of D per update of E and G */
  double alpha;             /* Eq. 13; 0 = EGBAD, 1 = double autoencoder */
  double rate, warmup_rate; /* of Adam; > 0, finite */
  double decay;             /* of the moving average of E and G, below 1; NAN: it spans a fiftieth of all steps */
  double penalty;           /* weight of the gradient penalty: 10 */
  double rotation;          /* degrees: uniform in +-rotation */
  double held_out;          /* share of the good pictures kept for the calibration, 0..0.5 */
  double false_alarms;      /* wanted rate on good pictures, for the threshold */
  CbiganScoreKind score;    /* that the model prefers */
  CbiganFeatureTap tap;
  double lambda;
  CbiganMask mask;     /* the model's; its ignored pixels are filled already. Not owned */
  const char *backend; /* NULL = "auto"; not owned */
  int device, threads;
  guint checkpoint_seconds; /* between checkpoints; 0 = only at the end and when stopped */
} CbiganTrainOptions;

/* Fills in the defaults of a preset. */
void cbigan_train_options_init(CbiganTrainOptions *options, CbiganPreset preset);
/* FALSE with CBIGAN_ERROR_ARGUMENT, which names the option, its value and the range. */
gboolean cbigan_train_options_check(const CbiganTrainOptions *options, GError **error);

/* "width=4 patch=64 ...": every option that a trained weight depends on (transfer full). */
char *cbigan_train_options_describe(const CbiganTrainOptions *options);
/* FALSE if two descriptions differ; then *in_one and *in_other are the first "name=value" that does (transfer full). */
gboolean cbigan_train_options_same(const char *one, const char *other, char **in_one, char **in_other);

/* Steps of the warm-up: 0 at alpha = 0, where L_C is no part of the method. */
guint cbigan_train_options_warmup(const CbiganTrainOptions *options);
/* The moving average's decay, also where the option is NAN. */
double cbigan_train_options_decay(const CbiganTrainOptions *options);
const char *cbigan_preset_name(CbiganPreset preset); /* "object", "texture" */

G_END_DECLS
