/* gradients.h - what the files of the cuda gradients share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Streams, failures and the current context as in backend/cuda/context.h. gradients.c has the layers' gradients and the
 * table; gradient.h says what each member does. No member waits unless gradient.h says so.
 */
#pragma once
#include "backend/cuda/conv2d.h"
#include "backend/cuda/memory.h"
#include "gradient/cuda/kernels/kernels.h"
#include "gradient/gradient.h"

G_BEGIN_DECLS

typedef struct {
  CbiganGradPlan base;
  const float *parameters; /* the whole network's, as last loaded */
  /* Of conv2d layers, else zero and NULL */
  CbiganCudaConvolution data, filter;
  float *weights; /* (out.c, in.c, k, k) */
  float *sums;    /* (out.c, in.c, k, k): the gradient that the last weights() computed */
} CbiganGradCudaPlan;

/* conv2d.c; FALSE: failed, and the failure is kept */
gboolean cbigan_grad_cuda_conv2d_plan(CbiganCuda *self, CbiganGradCudaPlan *plan);
void cbigan_grad_cuda_conv2d_clear(CbiganCuda *self, CbiganGradCudaPlan *plan);
void cbigan_grad_cuda_conv2d_load(CbiganCuda *self, CbiganGradCudaPlan *plan);
void cbigan_grad_cuda_conv2d_data(CbiganCuda *self, const CbiganGradCudaPlan *plan, const float *dy, float *dx,
                                  gboolean accumulate);
void cbigan_grad_cuda_conv2d_weights(CbiganCuda *self, const CbiganGradCudaPlan *plan, const float *x, const float *dy,
                                     float *gradients);

/* loss.c: members of CbiganGradients */
void cbigan_grad_cuda_l1_gradient(CbiganBackend *self, gsize n_floats, const float *a, const float *b, float scale,
                                  float *da);
void cbigan_grad_cuda_fill(CbiganBackend *self, gsize n_floats, float value, float *x);
void cbigan_grad_cuda_add(CbiganBackend *self, gsize n_floats, const float *x, float *y);
void cbigan_grad_cuda_copy(CbiganBackend *self, gsize n_floats, const float *x, float *y);
void cbigan_grad_cuda_mix(CbiganBackend *self, int n, gsize size, const float *e, const float *a, const float *b,
                          float *out);
void cbigan_grad_cuda_scale(CbiganBackend *self, int n, gsize size, const float *e, const float *x, float *out);
void cbigan_grad_cuda_square_norms(CbiganBackend *self, int n, gsize size, const float *x, double *out);
void cbigan_grad_cuda_penalty(CbiganBackend *self, int n, double weight, const double *squares, float *directions);
void cbigan_grad_cuda_l1_sums(CbiganBackend *self, int n, gsize size, const float *a, const float *b, double *out);
void cbigan_grad_cuda_adam(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, float *gradients, float *m,
                           float *v, float *parameters);
void cbigan_grad_cuda_average(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, const float *x,
                              float *mean);

/* staging.c: members of CbiganGradients */
CbiganStaging *cbigan_grad_cuda_staging_new(CbiganBackend *self, gsize size);
void cbigan_grad_cuda_staging_free(CbiganBackend *self, CbiganStaging *staging);
void cbigan_grad_cuda_staging_send(CbiganBackend *self, CbiganStaging *staging);
gconstpointer cbigan_grad_cuda_staging_receive(CbiganBackend *self, CbiganStaging *staging);
void cbigan_grad_cuda_staging_wait(CbiganBackend *self, CbiganStaging *staging);

/* cut.c: members of CbiganGradients */
CbiganStored *cbigan_grad_cuda_store(CbiganBackend *self, guint n, const CbiganFrame *pictures);
void cbigan_grad_cuda_stored_free(CbiganBackend *self, CbiganStored *stored);
void cbigan_grad_cuda_cut(CbiganBackend *self, const CbiganStored *stored, int n, const CbiganCut *cuts, int side,
                          float *x);

G_END_DECLS
