/* gradient.h - what a backend needs besides to train: the second half of the contract in backend/backend.h
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A backend that can train has one CbiganGradients; "reference" is the judge of the others. Callers use the
 * cbigan_grad_*() functions, which document each operation and check its arguments; backends check nothing. Failures
 * are kept as in backend.h: cbigan_backend_finish() reports the first one. One thread at a time may call.
 */
#pragma once
#include "backend/backend.h"
#include "gradient/update.h"

G_BEGIN_DECLS

/* The gradients of one layer at one batch size; backends embed it first. */
typedef struct {
  const CbiganLayer *layer;  /* outlives the plan */
  int batch;                 /* of the data and weight gradients */
  CbiganLayerNetwork linear; /* the layer without bias and activation */
  CbiganPlan *tangent;       /* forward plan of `linear`; NULL: no tangent pass. gradient.c makes and frees it */
} CbiganGradPlan;

/* Pictures in a backend's memory. */
typedef struct _CbiganStored CbiganStored;

/* Host memory that a backend copies to its own memory while it computes; backends embed it first. */
typedef struct {
  gpointer host; /* (size) bytes, 64-byte aligned; any thread may write them while no copy is under way */
  gsize size;
} CbiganStaging;

/* One line per member; the functions below say what each computes. */
typedef struct {
  const char *name; /* the backend's */

  CbiganGradPlan *(*plan)(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error);
  void (*plan_free)(CbiganBackend *self, CbiganGradPlan *plan);
  void (*load)(CbiganBackend *self, CbiganGradPlan *plan, const float *parameters);
  void (*activation)(CbiganBackend *self, CbiganActivation activation, gsize n, const float *y, float *dy);
  void (*data)(CbiganBackend *self, CbiganGradPlan *plan, const float *dy, float *dx, gboolean accumulate);
  void (*weights)(CbiganBackend *self, CbiganGradPlan *plan, const float *x, const float *dy, float *gradients);
  void (*bias)(CbiganBackend *self, CbiganGradPlan *plan, int n, const float *dy, float *gradients);

  void (*fill)(CbiganBackend *self, gsize n, float value, float *x);
  void (*add)(CbiganBackend *self, gsize n, const float *x, float *y);
  void (*copy)(CbiganBackend *self, gsize n, const float *x, float *y);
  void (*mix)(CbiganBackend *self, int n, gsize size, const float *e, const float *a, const float *b, float *out);
  void (*scale)(CbiganBackend *self, int n, gsize size, const float *e, const float *x, float *out);
  void (*l1_gradient)(CbiganBackend *self, gsize n, const float *a, const float *b, float scale, float *da);
  void (*l1_sums)(CbiganBackend *self, int n, gsize size, const float *a, const float *b, double *out);
  void (*square_norms)(CbiganBackend *self, int n, gsize size, const float *x, double *out);
  void (*penalty)(CbiganBackend *self, int n, double weight, const double *squares, float *factors);
  void (*adam)(CbiganBackend *self, gsize n, const CbiganUpdate *u, float *gradients, float *m, float *v, float *p);
  void (*average)(CbiganBackend *self, gsize n, const CbiganUpdate *u, const float *x, float *mean);

  /* Optional, all or none; NULL: batches are uploaded, which waits. */
  CbiganStaging *(*staging_new)(CbiganBackend *self, gsize size);
  void (*staging_free)(CbiganBackend *self, CbiganStaging *staging);
  void (*staging_send)(CbiganBackend *self, CbiganStaging *staging);
  gconstpointer (*staging_receive)(CbiganBackend *self, CbiganStaging *staging);
  void (*staging_wait)(CbiganBackend *self, CbiganStaging *staging);

  /* Optional, all or none, only with staging; NULL: patches are cut on the host. */
  CbiganStored *(*store)(CbiganBackend *self, guint n, const CbiganFrame *pictures);
  void (*stored_free)(CbiganBackend *self, CbiganStored *stored);
  void (*cut)(CbiganBackend *self, const CbiganStored *stored, int n, const CbiganCut *cuts, int side, float *x);
} CbiganGradients;

extern const CbiganGradients cbigan_gradients_reference;
extern const CbiganGradients cbigan_gradients_cpu;
const CbiganGradients *cbigan_gradients_cuda(void); /* NULL: its module is missing */

/* A backend together with its gradients; nothing in it is owned. */
typedef struct {
  CbiganBackend *backend;
  const CbiganGradients *table;
} CbiganGrad;

/* FALSE with CBIGAN_ERROR_BACKEND: this backend can score, but not train. */
gboolean cbigan_grad_init(CbiganGrad *self, CbiganBackend *backend, GError **error);

/* In all that follows, pointers are backend memory unless said otherwise; n is a number of samples where `size` stands
 * beside it, the floats of one sample, else a number of floats. A wrong argument is a caller's bug. */

/* tangent_batch: samples of the tangent pass, 0 = none. NULL with CBIGAN_ERROR_BACKEND. */
CbiganGradPlan *cbigan_grad_plan(const CbiganGrad *self, const CbiganLayer *layer, int batch, int tangent_batch,
                                 GError **error);
void cbigan_grad_plan_free(const CbiganGrad *self, CbiganGradPlan *plan); /* plan: may be NULL */
/* Takes over the network's parameters (in the model file's order), after every change of them. */
void cbigan_grad_load(const CbiganGrad *self, CbiganGradPlan *plan, const float *parameters);
/* dy *= activation'(y), from the output y. */
void cbigan_grad_activation(const CbiganGrad *self, CbiganActivation activation, gsize n, const float *y, float *dy);
/* dx = op^T dy, added to dx if `accumulate`; dy is the gradient in front of the activation. */
void cbigan_grad_data(const CbiganGrad *self, CbiganGradPlan *plan, const float *dy, float *dx, gboolean accumulate);
/* conv2d, dense: gradients[layer->weight...] += x (*) dy over the whole batch. A dy that is not finite may make NaN
 * of taps that meet it in the padding only. */
void cbigan_grad_weights(const CbiganGrad *self, CbiganGradPlan *plan, const float *x, const float *dy,
                         float *gradients);
/* conv2d, dense: gradients[layer->bias...] += sum of dy over the first n samples and all positions. */
void cbigan_grad_bias(const CbiganGrad *self, CbiganGradPlan *plan, int n, const float *dy, float *gradients);
/* y = op(x), added to y if layer->accumulate: the layer without bias and activation, on tangent_batch samples. */
void cbigan_grad_tangent(const CbiganGrad *self, CbiganGradPlan *plan, const float *x, float *y);

void cbigan_grad_fill(const CbiganGrad *self, gsize n, float value, float *x);
void cbigan_grad_add(const CbiganGrad *self, gsize n, const float *x, float *y);  /* y += x */
void cbigan_grad_copy(const CbiganGrad *self, gsize n, const float *x, float *y); /* y = x */
/* out_i = e_i a_i + (1 - e_i) b_i; e: one number per sample */
void cbigan_grad_mix(const CbiganGrad *self, int n, gsize size, const float *e, const float *a, const float *b,
                     float *out);
/* out_i = e_i x_i; e: one number per sample */
void cbigan_grad_scale(const CbiganGrad *self, int n, gsize size, const float *e, const float *x, float *out);
/* da += scale * sign(a - b): the gradient of Eq. 11 and 12 */
void cbigan_grad_l1_gradient(const CbiganGrad *self, gsize n, const float *a, const float *b, float scale, float *da);
/* out_i = ||a_i - b_i||_1, Eq. 11 and 12: cbigan_backend_difference() without waiting */
void cbigan_grad_l1_sums(const CbiganGrad *self, int n, gsize size, const float *a, const float *b, double *out);
/* out_i += |x_i|^2 */
void cbigan_grad_square_norms(const CbiganGrad *self, int n, gsize size, const float *x, double *out);
/* Of the penalty weight * mean (|g_i| - 1)^2: factors[i] * g_i is its gradient with respect to g_i. squares[i] =
 * |g_i|^2. */
void cbigan_grad_penalty(const CbiganGrad *self, int n, double weight, const double *squares, float *factors);
/* Adam (Kingma & Ba 2015) with bias correction; m, v: its moments. Zeroes the gradients afterwards. */
void cbigan_grad_adam(const CbiganGrad *self, gsize n, const CbiganUpdate *update, float *gradients, float *m, float *v,
                      float *parameters);
/* mean = decay mean + (1 - decay) x */
void cbigan_grad_average(const CbiganGrad *self, gsize n, const CbiganUpdate *update, const float *x, float *mean);

/* NULL, which is no failure: the backend has no such memory, or too little. Free with cbigan_grad_staging_free(). */
CbiganStaging *cbigan_grad_staging_new(const CbiganGrad *self, gsize size);
void cbigan_grad_staging_free(const CbiganGrad *self, CbiganStaging *staging); /* waits; staging: may be NULL */
/* Begins to copy the buffer, at the same time as other operations. */
void cbigan_grad_staging_send(const CbiganGrad *self, CbiganStaging *staging);
/* The copy in backend memory, for operations that are called from now on until the buffer is sent again. */
gconstpointer cbigan_grad_staging_receive(const CbiganGrad *self, CbiganStaging *staging);
/* Waits until the copy is complete, so that the host memory may be written again. */
void cbigan_grad_staging_wait(const CbiganGrad *self, CbiganStaging *staging);

/* Copies n pictures (host memory, rows without padding) for cut(). NULL, which is no failure: the backend can't, or the
 * pictures would take more than half of its free memory. Free with cbigan_grad_stored_free(). */
CbiganStored *cbigan_grad_store(const CbiganGrad *self, guint n, const CbiganFrame *pictures);
void cbigan_grad_stored_free(const CbiganGrad *self, CbiganStored *stored); /* stored: may be NULL */
/* x (n, 3, side, side) as cbigan_augment_patch() makes it; cuts: backend memory */
void cbigan_grad_cut(const CbiganGrad *self, const CbiganStored *stored, int n, const CbiganCut *cuts, int side,
                     float *x);

/* The numbers of update `count` = 1, 2, ... */
CbiganUpdate cbigan_update_numbers(guint count, float rate, float beta1, float beta2, float epsilon, float decay);

G_END_DECLS
