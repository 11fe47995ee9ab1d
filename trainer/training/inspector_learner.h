/* inspector_learner.h - the inspector network while it learns: loss, gradients, Adam, averaged weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loss is the cross-entropy of each position's logit with "defective" or "good", averaged over all positions. A
 * position is defective where more than a quarter of its cell is, and does not count between 2 and 25 %.
 *
 * Weights make the loss say more about what decides on whole pictures. Good positions weigh twice their probability of
 * being defective, so that those count which look defective (Lin et al. 2017, arXiv 1708.02002). Defective positions
 * weigh less where a crop has many of them, so that thin cracks count beside large stains.
 */
#pragma once
#include "gradient/gradient.h"

G_BEGIN_DECLS

typedef struct _CbiganInspectorLearner CbiganInspectorLearner;

/* network: an inspector's; it must outlive the learner, as must the backend. `seed` decides the start values. Free with
 * cbigan_inspector_learner_free(). NULL with CBIGAN_ERROR_BACKEND. */
CbiganInspectorLearner *cbigan_inspector_learner_new(const CbiganGrad *grad, const CbiganNetwork *network, int batch,
                                                     guint64 seed, GError **error);
void cbigan_inspector_learner_free(CbiganInspectorLearner *self);
/* Adds the loss's gradient to the learner's gradients. x: (batch, image), host memory. covered: (batch, h / 4, w / 4),
 * the defective share of each cell. *loss: their loss. FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_inspector_learner_gradient(CbiganInspectorLearner *self, const float *x, const float *covered,
                                           double *loss, GError **error);
/* The same, then one update of the parameters and of their average, with the gradient's norm cut off at 1. FALSE with
 * CBIGAN_ERROR_BACKEND, or CBIGAN_ERROR_ARGUMENT where the loss is not finite. */
gboolean cbigan_inspector_learner_update(CbiganInspectorLearner *self, const CbiganUpdate *numbers, const float *x,
                                         const float *covered, double *loss, GError **error);
/* What an update carries to the next one, and the gradients. (n_floats) each */
typedef enum {
  CBIGAN_LEARNER_PARAMETERS,
  CBIGAN_LEARNER_MEAN, /* of the parameters over updates */
  CBIGAN_LEARNER_MOMENT1,
  CBIGAN_LEARNER_MOMENT2,
  CBIGAN_LEARNER_GRADIENTS,
  CBIGAN_N_LEARNER_ARRAYS
} CbiganLearnerArray;
/* Copies an array to host memory. */
gboolean cbigan_inspector_learner_read(CbiganInspectorLearner *self, CbiganLearnerArray array, float *host,
                                       GError **error);
/* Replaces an array. */
void cbigan_inspector_learner_write(CbiganInspectorLearner *self, CbiganLearnerArray array, const float *host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganInspectorLearner, cbigan_inspector_learner_free)

G_END_DECLS
