/* reference.h - gradients in plain C, which judge the other backends' gradients
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Values lie n,c,h,w. Sums are double and are rounded once, so a difference from another backend is that backend's
 * rounding. One operation is one file; gradients.c puts them into the table.
 */
#pragma once
#include "gradient/gradient.h"

G_BEGIN_DECLS

typedef struct {
  CbiganGradPlan base;
  const float *parameters; /* the whole network's, as last loaded */
} CbiganGradReferencePlan;

/* gradient.h says what these compute. */
void cbigan_grad_reference_conv2d_data(const CbiganGradReferencePlan *plan, const float *dy, float *dx,
                                       gboolean accumulate);
void cbigan_grad_reference_dense_data(const CbiganGradReferencePlan *plan, const float *dy, float *dx,
                                      gboolean accumulate);
void cbigan_grad_reference_upsample_data(const CbiganGradReferencePlan *plan, const float *dy, float *dx,
                                         gboolean accumulate);
void cbigan_grad_reference_avgpool_data(const CbiganGradReferencePlan *plan, const float *dy, float *dx,
                                        gboolean accumulate);
void cbigan_grad_reference_conv2d_weights(const CbiganGradReferencePlan *plan, const float *x, const float *dy,
                                          float *gradients);
void cbigan_grad_reference_dense_weights(const CbiganGradReferencePlan *plan, const float *x, const float *dy,
                                         float *gradients);

/* Members of CbiganGradients. */
void cbigan_grad_reference_bias(CbiganBackend *self, CbiganGradPlan *plan, int n, const float *dy, float *gradients);
void cbigan_grad_reference_activation(CbiganBackend *self, CbiganActivation activation, gsize n_floats, const float *y,
                                      float *dy);
void cbigan_grad_reference_l1_gradient(CbiganBackend *self, gsize n_floats, const float *a, const float *b, float scale,
                                       float *da);
void cbigan_grad_reference_fill(CbiganBackend *self, gsize n_floats, float value, float *x);
void cbigan_grad_reference_add(CbiganBackend *self, gsize n_floats, const float *x, float *y);
void cbigan_grad_reference_copy(CbiganBackend *self, gsize n_floats, const float *x, float *y);
void cbigan_grad_reference_mix(CbiganBackend *self, int n, gsize size, const float *e, const float *a, const float *b,
                               float *out);
void cbigan_grad_reference_square_norms(CbiganBackend *self, int n, gsize size, const float *x, double *out);
void cbigan_grad_reference_scale(CbiganBackend *self, int n, gsize size, const float *e, const float *x, float *out);
void cbigan_grad_reference_penalty(CbiganBackend *self, int n, double weight, const double *squares, float *factors);
void cbigan_grad_reference_l1_sums(CbiganBackend *self, int n, gsize size, const float *a, const float *b, double *out);
void cbigan_grad_reference_adam(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, float *gradients,
                                float *m, float *v, float *parameters);
void cbigan_grad_reference_average(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, const float *x,
                                   float *mean);

G_END_DECLS
