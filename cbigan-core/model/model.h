/* model.h - everything a model file holds; inside the core and the trainer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"
#include "model/network.h"

G_BEGIN_DECLS

/* What model_file.c reads and writes: the statistics of good pictures behind `calibrated`. */
typedef struct {
  int w, h;                /* the frame's, or 1 x 1: the same everywhere */
  float *mean, *deviation; /* (h, w); NULL = none */
} CbiganMapStatistics;

/* The same behind `critic`. */
typedef struct {
  int positions;    /* grid * grid, or 1 */
  int channels;     /* of the chosen blocks together */
  float *mean;      /* (positions, channels); NULL = none */
  float *whitening; /* (positions, channels, channels): W with W^T W = inverse covariance */
} CbiganCriticStatistics;

struct _CbiganModel {
  gatomicrefcount references;
  CbiganModelInfo info;
  CbiganNetwork *networks[CBIGAN_N_NETWORKS];
  float *parameters[CBIGAN_N_NETWORKS]; /* (networks[i]->n_floats), host, in the order of the tables */
  CbiganMapStatistics map;
  CbiganCriticStatistics critic;
};

/* A model with zeroed parameters and no statistics, for the trainer to fill. */
CbiganModel *cbigan_model_new(int width, int patch);
/* Atomic: temporary file beside it, fsync, rename; on FALSE (CBIGAN_ERROR_FILE) the old file is as it was. */
gboolean cbigan_model_save(const CbiganModel *model, const char *path, GError **error);
/* Number of channels of the blocks in info.critic_blocks (bit i = block i). */
int cbigan_model_critic_channels(const CbiganModelInfo *info);

G_END_DECLS
