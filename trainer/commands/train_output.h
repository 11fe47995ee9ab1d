/* train_output.h - which models cbigan train writes, and whether it may
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* One model that is trained. */
typedef struct {
  guint64 seed;
  char *model, *checkpoint; /* files */
  gboolean resume;          /* from the checkpoint */
  gboolean finished;        /* the model is there, and nothing is left to do */
} CbiganTrainOutput;

/* The models to train (of CbiganTrainOutput, transfer full). n_seeds: 0 = one, called `name`; else as many, with the
 * seeds from `seed` on, each of which stands in its file's name: bottle-1.safetensors. resume: --resume, which leaves
 * finished ones alone. quick: no model has a checkpoint. */
GPtrArray *cbigan_train_outputs_new(const char *name, guint64 seed, guint n_seeds, gboolean resume, gboolean quick);
/* Protects older files, and finds an output that can't be written before hours of training. FALSE with
 * CBIGAN_ERROR_FILE. */
gboolean cbigan_train_outputs_check(const GPtrArray *outputs, gboolean force, GError **error);

G_END_DECLS
