/* gradient.h - what a backend needs besides to train: the contract's second half
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Same rules as backend.h (arguments are right, nothing returned, finish() reports). Every function stands beside
 * its forward twin's name. All pointers are backend memory unless said; n = samples, size = floats of one sample.
 */
#pragma once
#include "backend/backend.h"
#include "gradient/update.h"

G_BEGIN_DECLS

/* One layer's gradients at one batch size; subclasses embed it first. */
typedef struct {
  const CbiganLayer *layer;
  int batch;         /* of the data and weight gradients */
  int tangent_batch; /* of tangent(); 0: never called */
} CbiganGradPlan;

/* Pictures in a backend's memory. */
typedef struct _CbiganStored CbiganStored;

/* Host memory whose content a backend copies to its own memory behind the caller's back; subclasses embed it first. */
typedef struct {
  gpointer host; /* (size) bytes, 64-byte aligned; any thread may write them, but not while they are copied */
  gsize size;
} CbiganStaging;

typedef struct {
  const char *name; /* as the backend's */

  CbiganGradPlan *(*plan)(CbiganBackend *self, const CbiganLayer *layer, int batch, int tangent_batch, GError **error);
  void (*plan_free)(CbiganBackend *self, CbiganGradPlan *plan);
  void (*load)(CbiganBackend *self, CbiganGradPlan *plan, const float *parameters);

  /* dy *= activation'(y), from the output y; n_floats each. */
  void (*activation)(CbiganBackend *self, CbiganActivation activation, gsize n_floats, const float *y, float *dy);
  /* dx (+)= op^T dy for all four kinds of layer; dy is behind the activation already. */
  void (*data)(CbiganBackend *self, CbiganGradPlan *plan, const float *dy, float *dx, gboolean accumulate);
  /* conv2d, dense: gradients[layer->weight...] += x (*) dy over the whole batch. A dy that is not finite may make NaN
   * of taps that meet it in the padding only. */
  void (*weights)(CbiganBackend *self, CbiganGradPlan *plan, const float *x, const float *dy, float *gradients);
  /* conv2d, dense: gradients[layer->bias...] += sum of dy over the first n samples and all positions. */
  void (*bias)(CbiganBackend *self, CbiganGradPlan *plan, int n, const float *dy, float *gradients);
  /* y = op(x) (+ y, when layer->accumulate): forward without bias and activation, on tangent_batch samples. */
  void (*tangent)(CbiganBackend *self, CbiganGradPlan *plan, const float *x, float *y);

  /* Losses and the optimiser. One number a sample is in backend memory too, so that nobody waits for it. */
  void (*l1_gradient)(CbiganBackend *self, gsize n_floats, const float *a, const float *b, float scale,
                      float *da); /* da += scale * sign(a - b): Eq. 11, 12 */
  void (*fill)(CbiganBackend *self, gsize n_floats, float value, float *x);
  void (*add)(CbiganBackend *self, gsize n_floats, const float *x, float *y);  /* y += x */
  void (*copy)(CbiganBackend *self, gsize n_floats, const float *x, float *y); /* y = x */
  void (*mix)(CbiganBackend *self, int n, gsize size, const float *e, const float *a, const float *b,
              float *out); /* out_i = e_i a_i + (1 - e_i) b_i */
  void (*square_norms)(CbiganBackend *self, int n, gsize size, const float *x, double *out); /* out_i += |x_i|^2 */
  void (*scale)(CbiganBackend *self, int n, gsize size, const float *e, const float *x,
                float *out); /* out_i = e_i x_i */
  /* weight * mean (norm_i - 1)^2 from squares norm_i^2: what g_i, whose norm that is, times is its derivative by g_i */
  void (*penalty)(CbiganBackend *self, int n, double weight, const double *squares, float *directions);
  void (*l1_sums)(CbiganBackend *self, int n, gsize size, const float *a, const float *b,
                  double *out); /* out_i = ||a_i - b_i||_1: Eq. 11, 12; the backend's l1, but nobody waits */
  /* Adam (Kingma & Ba 2015) with bias correction; gradients are zeroed afterwards. */
  void (*adam)(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, float *gradients, float *m, float *v,
               float *parameters);
  void (*average)(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, const float *x,
                  float *mean); /* mean = decay mean + (1 - decay) x */

  /* Optional, for a backend whose values lie in the host's order; NULL = ordinary memory and upload(), which wait.
   * NULL: there is no such memory, which is no failure. */
  CbiganStaging *(*staging_new)(CbiganBackend *self, gsize size);
  void (*staging_free)(CbiganBackend *self, CbiganStaging *staging); /* waits */
  /* Begins to copy it, beside what the backend does meanwhile. */
  void (*staging_send)(CbiganBackend *self, CbiganStaging *staging);
  /* The copy in backend memory, for operations that are called from now on until the buffer is sent again. */
  gconstpointer (*staging_receive)(CbiganBackend *self, CbiganStaging *staging);
  /* Waits until what was sent is copied, so that it may be written again. */
  void (*staging_wait)(CbiganBackend *self, CbiganStaging *staging);

  /* Optional, with staging buffers; NULL = patches are cut on the host. Keeps n pictures (rows without padding) where
   * cut() finds them; NULL: there is no room, or they would take more than half of the memory that is free. */
  CbiganStored *(*store)(CbiganBackend *self, guint n, const CbiganPixels *pictures);
  void (*stored_free)(CbiganBackend *self, CbiganStored *stored);
  /* x (n, 3, side, side), as cbigan_augment_patch() makes it */
  void (*cut)(CbiganBackend *self, const CbiganStored *stored, int n, const CbiganCut *cuts, int side, float *x);
} CbiganGradients;

extern const CbiganGradients cbigan_gradients_reference;
extern const CbiganGradients cbigan_gradients_cpu;
const CbiganGradients *cbigan_gradients_cuda(void); /* NULL: its module is missing */

/* count = 1, 2, ... */
CbiganUpdate cbigan_update_numbers(guint count, float rate, float beta1, float beta2, float epsilon, float decay);

/* The gradients beside a backend, by its name; NULL where it has none. */
const CbiganGradients *cbigan_gradients_for(const CbiganBackend *backend);

G_END_DECLS
