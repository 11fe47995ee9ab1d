/* train_inspector.h - cbigan train for the score `inspector`
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "command.h"
#include "training/inspector_training.h"
#include "training/train_options.h"
#include <signal.h>

G_BEGIN_DECLS

/* Chooses options->score, and the inspector's defaults where it is that: `name` where one is given (else NULL), else
 * the preset's score if argv has an option of the CBiGAN's training, else the inspector. FALSE with
 * CBIGAN_ERROR_ARGUMENT where name is none, or is the inspector in spite of such an option. */
gboolean cbigan_train_choose_score(CbiganTrainOptions *options, const char *name, int argc, char **argv,
                                   GError **error);
/* The size that an object's pictures are brought to: 256 pixels on the longer side of the first picture in `path`, or
 * its own size where that is smaller, in multiples of 16. path: NULL = pictures come from a pipeline, 256x256. FALSE
 * with the error of reading it. */
gboolean cbigan_inspector_choose_frame(const char *path, CbiganAlign align, int *width, int *height, GError **error);

typedef struct {
  CbiganInspectorOptions options;
  const char *output, *checkpoint; /* files */
  gboolean resume;
  gboolean quick;                 /* no network: cbigan_quick_train() */
  guint checkpoint_seconds;       /* 0 = only when stopped */
  volatile sig_atomic_t *stopped; /* set by a signal, or because another process is stopped */
} CbiganInspectorRun;

/* Trains until it is done, or *stopped, shows how far it is, and writes model or checkpoint. */
CbiganExit cbigan_train_inspector(const CbiganInspectorRun *run, const CbiganDataset *pictures);

G_END_DECLS
