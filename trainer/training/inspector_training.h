/* inspector_training.h - one training of an inspector, from good pictures to a model
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Everything is decided from good pictures. Some are held out: synthetic defects in them, partly of kinds that are not
 * trained with, say how well defects are seen. That proxy chooses which weights are kept, whether logits are compared
 * with those of good pictures, and how a map becomes a score.
 */
#pragma once
#include "inspector_options.h"
#include "suspects.h"

G_BEGIN_DECLS

typedef struct {
  guint update, updates;
  double share;   /* of the whole training, 0..1 */
  double seconds; /* since it began */
  double waited;  /* of these, for batches */
  double rate;    /* updates per second, lately */
  double loss;    /* lately */
  double proxy;   /* AUROC on synthetic defects in held-out pictures, of the best weights so far; NAN before */
} CbiganInspectorProgress;

typedef struct _CbiganInspectorTraining CbiganInspectorTraining;

/* pictures: all good; they must outlive the training. Objects' have one size, a multiple of CBIGAN_INSPECTOR_STEP,
 * surfaces' any from `side` on. NULL with CBIGAN_ERROR_ARGUMENT or CBIGAN_ERROR_BACKEND. */
CbiganInspectorTraining *cbigan_inspector_training_new(const CbiganInspectorOptions *options,
                                                       const CbiganDataset *pictures, GError **error);
void cbigan_inspector_training_free(CbiganInspectorTraining *self);
/* One update. FALSE with an error: then the training is of no use any more. */
gboolean cbigan_inspector_training_step(CbiganInspectorTraining *self, CbiganInspectorProgress *progress,
                                        GError **error);
/* A training on disk, to go on with: atomic. FALSE with CBIGAN_ERROR_FILE. */
gboolean cbigan_inspector_training_save(CbiganInspectorTraining *self, const char *path, GError **error);
/* Before the first step, with the same options and pictures, else CBIGAN_ERROR_ARGUMENT says which differs. FALSE with
 * CBIGAN_ERROR_FILE or CBIGAN_ERROR_FORMAT. */
gboolean cbigan_inspector_training_resume(CbiganInspectorTraining *self, const char *path, GError **error);
gboolean cbigan_inspector_training_done(const CbiganInspectorTraining *self);
/* The model: an inspector with statistics and threshold. Free it with cbigan_model_unref(). NULL with an error. */
CbiganModel *cbigan_inspector_training_finish(CbiganInspectorTraining *self, GError **error);
/* The good pictures that it leaves out, likewise. */
const GArray *cbigan_inspector_training_left_out(const CbiganInspectorTraining *self);
/* After that: the good pictures that look least like the others, of CbiganSuspect, the worst first. They belong to the
 * training. */
const GArray *cbigan_inspector_training_suspects(const CbiganInspectorTraining *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganInspectorTraining, cbigan_inspector_training_free)

G_END_DECLS
