/* losses.h - the paper's losses and their gradients
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Equation numbers are those of Carrara et al., ICPR 2020. A new term of a loss starts from its grad with respect to a
 * network's output, in losses.c.
 */
#pragma once
#include "backprop.h"
#include "data/augment.h"
#include "learner.h"

G_BEGIN_DECLS

/* Means over the batch. */
typedef struct {
  gboolean has_consistency, has_critic, has_penalty; /* what was computed; the other values are NAN */
  double reconstruction;                             /* L_R (Eq. 11): sum over pixels and channels */
  double latent;                                     /* L_R' (Eq. 12) */
  double critic;                                     /* L_D = -L_EG (Eq. 6) */
  double penalty;                                    /* weight * mean (||grad D(x^, z^)||_2 - 1)^2 */
} CbiganLossValues;

typedef struct {
  int batch;            /* N */
  gboolean consistency; /* L_C (Eq. 10) is needed */
  gboolean adversarial; /* D is needed */
  double penalty;       /* weight of the gradient penalty: 10 */
} CbiganLossOptions;

typedef struct _CbiganLosses CbiganLosses;

/* learners: one per CbiganNetworkKind. Their arrays and the backend must outlive the result. Free with
 * cbigan_losses_free(). NULL with CBIGAN_ERROR_BACKEND. */
CbiganLosses *cbigan_losses_new(const CbiganGrad *grad, const CbiganLearner *learners, const CbiganLossOptions *options,
                                GError **error);
void cbigan_losses_free(CbiganLosses *self);
/* After the parameters of a network changed by other means than the updates below. */
void cbigan_losses_load(CbiganLosses *self, CbiganNetworkKind kind);

/* Updates E and G by (1 - alpha) L_EG + alpha L_C (Eq. 13, 5, 10). alpha = 1: D is not run (warm-up, double
 * autoencoder). alpha = 0: L_C is not computed (EGBAD). With a batch in a staging buffer, the only wait is for the
 * losses. When a loss is not finite, the parameters are spoiled. FALSE with the backend's failure. */
gboolean cbigan_losses_encoder_generator(CbiganLosses *self, const CbiganBatch *batch, double alpha,
                                         CbiganLossValues *values, GError **error);
/* Updates D by L_D (Eq. 6) + gradient penalty (Gulrajani et al. 2017); otherwise as above. */
gboolean cbigan_losses_critic(CbiganLosses *self, const CbiganBatch *batch, CbiganLossValues *values, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganLosses, cbigan_losses_free)

G_END_DECLS
