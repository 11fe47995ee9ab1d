/* reference.h - inside of the reference backend: plain loops in the equations' order, values in n,c,h,w order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * It is the judge of the other backends, so reading it must be enough to believe it.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

typedef struct {
  CbiganPlan base;
  const float *parameters; /* as in the model file */
} CbiganReferencePlan;

void cbigan_reference_conv2d(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
void cbigan_reference_dense(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
void cbigan_reference_upsample(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
void cbigan_reference_avgpool(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
void cbigan_reference_patches(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n,
                              int side, float gain, float shift, float *x);
void cbigan_reference_l1(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                         double *sums);

/* n numbers in place */
void cbigan_reference_activate(CbiganActivation activation, gsize n, float *y);

G_END_DECLS
