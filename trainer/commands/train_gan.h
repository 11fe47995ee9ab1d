/* train_gan.h - cbigan train for the scores of a CBiGAN
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "command.h"
#include "training/train_options.h"
#include <signal.h>

G_BEGIN_DECLS

typedef struct {
  const CbiganTrainOptions *options;
  const char *output, *checkpoint; /* files */
  gboolean resume;
  double minutes;                 /* 0 = all steps */
  volatile sig_atomic_t *stopped; /* set by a signal, or because another process is stopped */
} CbiganGanRun;

/* Trains until it is done, the time is up, or *stopped, shows how far it is, and writes model or checkpoint. */
CbiganExit cbigan_train_gan(const CbiganGanRun *run, const CbiganDataset *pictures);

G_END_DECLS
