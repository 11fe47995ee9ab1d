/* losses.h - the paper's losses and their gradients
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Equation numbers are those of Carrara et al., ICPR 2020. A new term of a loss is a seed of an adjoint in losses.c.
 */
#pragma once
#include "data/augment.h"
#include "backprop.h"

G_BEGIN_DECLS

/* A network that learns. (n_floats) each, backend memory, owned by the caller. */
typedef struct {
  CbiganNetwork *network;
  float *parameters;
  float *gradients; /* the losses add to them */
  float *moment1;   /* Adam's; or both NULL: gradients are all that is wanted. Else they are zeroed, */
  float *moment2;   /* and the parameters updated by the batch's `update` */
  float *mean;      /* of the parameters over updates; or NULL */
} CbiganLearner;

/* Means over the batch. */
typedef struct {
  gboolean has_consistency, has_critic, has_penalty; /* what was computed; the others are NAN */
  double reconstruction;                             /* Eq. 11: L_R, sum over pixels and channels */
  double latent;                                     /* Eq. 12: L_R' */
  double critic;                                     /* Eq. 6: L_D = -L_EG */
  double penalty;                                    /* weight * mean (||grad D(x^, z^)||_2 - 1)^2 */
} CbiganLossValues;

typedef struct {
  int batch;            /* N */
  gboolean consistency; /* L_C will be asked for */
  gboolean adversarial; /* D will be asked for */
  double penalty;       /* its weight, 10 */
} CbiganLossOptions;

typedef struct _CbiganLosses CbiganLosses;

/* learners: by CbiganNetworkKind; they must outlive this. NULL with CBIGAN_ERROR_BACKEND. */
CbiganLosses *cbigan_losses_new(CbiganBackend *backend, const CbiganGradients *gradients, const CbiganLearner *learners,
                                const CbiganLossOptions *options, GError **error);
void cbigan_losses_free(CbiganLosses *self);
/* After a network's parameters changed otherwise than by these updates. */
void cbigan_losses_load(CbiganLosses *self, CbiganNetworkKind kind);

/* An update of E and G by (1 - alpha) L_EG + alpha L_C (Eq. 13, 5, 10). alpha = 1: D is not run (the warm-up, the
 * double autoencoder); alpha = 0: L_C is not computed (EGBAD). Waits for the losses only, where the batch is in a
 * staging buffer; where these are not finite, the parameters are of no use any more. FALSE with the backend's failure.
 */
gboolean cbigan_losses_encoder_generator(CbiganLosses *self, const CbiganBatch *batch, double alpha,
                                         CbiganLossValues *values, GError **error);
/* An update of D by L_D (Eq. 6) + gradient penalty (Gulrajani et al. 2017); likewise. */
gboolean cbigan_losses_critic(CbiganLosses *self, const CbiganBatch *batch, CbiganLossValues *values, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganLosses, cbigan_losses_free)

G_END_DECLS
