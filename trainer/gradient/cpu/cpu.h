/* cpu.h - gradients on the CPU: oneDNN, and plain loops where memory is the limit
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Values lie n,h,w,c. Dense layers and 1x1 convolutions are matrix products. The other convolutions are oneDNN
 * primitives, made once per plan. The rest are loops. The backend's pool of threads runs all of them. To add a layer,
 * add a row to `operations` in gradients.c. No sum depends on the order in which threads finish, so equal inputs and
 * thread counts give equal bits.
 */
#pragma once
#include "backend/cpu/simd/conv1x1.h"
#include "backend/cpu/simd/conv3x3.h"
#include "gradient/gradient.h"

G_BEGIN_DECLS

/* y = x W^T as one matrix product */
typedef struct {
  CbiganCpuConv1 *conv1; /* own kernels; NULL = what follows */
  gsize rows, in, out;   /* x (rows, in), W (out, in), y (rows, out) */
  float *weight;         /* (out, in) in the order of values, h,w,c; NULL where the parameters lie so already */
  int parts;             /* of the weight gradient's sum over rows; 0 = one sum */
  float *gradient;       /* (parts, out, in), in the order of values; NULL = sgemm adds to the gradients */
  gsize *of_in, *of_out; /* [in], [out]: place in the parameters' order, c,h,w; NULL likewise */
} CbiganGradCpuMatrix;

/* A convolution with a larger kernel; its weights have an order of oneDNN's choice for each direction. */
typedef struct {
  CbiganCpuConv3 *conv3; /* own kernels; NULL = what follows */
  CbiganCpuPieces data, weights;
  CbiganCpuPieces pack;   /* parameters -> packed, for `data` */
  CbiganCpuPieces unpack; /* gradient -> added to the gradients in the parameters' order */
  float *packed;
  float *gradient; /* (weights.n, gradient_floats): of each piece of `weights`; then the first one is their sum */
  gsize gradient_floats;
  float *sum; /* (batch, in): data with accumulate; made by the first call that needs it */
} CbiganGradCpuConvolution;

typedef struct {
  CbiganGradPlan base;
  const float *parameters; /* the whole network's, as last loaded */
  union {
    CbiganGradCpuMatrix matrix;           /* dense, conv2d with kernel 1 */
    CbiganGradCpuConvolution convolution; /* other conv2d */
  };
  double *bias_sums; /* (batch, channels or outputs), room for (batch, out) */
} CbiganGradCpuPlan;

/* Numbers [first, end) of a loop over n_floats; threads share it where that is worth it. */
typedef void (*CbiganGradCpuFloatsFunc)(gpointer data, gsize first, gsize end);
void cbigan_grad_cpu_floats(CbiganBackend *self, gsize n_floats, CbiganGradCpuFloatsFunc work, gpointer data);

/* Matrix products: matrix.c. FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_grad_cpu_matrix_plan(CbiganCpu *self, CbiganGradCpuPlan *plan, GError **error);
void cbigan_grad_cpu_matrix_clear(CbiganGradCpuPlan *plan);
void cbigan_grad_cpu_matrix_load(CbiganCpu *self, CbiganGradCpuPlan *plan);
void cbigan_grad_cpu_matrix_data(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx,
                                 gboolean accumulate);
void cbigan_grad_cpu_matrix_weights(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *x, const float *dy,
                                    float *gradients);

gboolean cbigan_grad_cpu_conv2d_plan(CbiganCpu *self, CbiganGradCpuPlan *plan, GError **error);
void cbigan_grad_cpu_conv2d_clear(CbiganGradCpuPlan *plan);
void cbigan_grad_cpu_conv2d_load(CbiganCpu *self, CbiganGradCpuPlan *plan);
void cbigan_grad_cpu_conv2d_data(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx,
                                 gboolean accumulate);
void cbigan_grad_cpu_conv2d_weights(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *x, const float *dy,
                                    float *gradients);

void cbigan_grad_cpu_resample_data(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx,
                                   gboolean accumulate);

/* Members of CbiganGradients; the others are those of `reference`. */
void cbigan_grad_cpu_bias(CbiganBackend *self, CbiganGradPlan *plan, int n, const float *dy, float *gradients);
void cbigan_grad_cpu_activation(CbiganBackend *self, CbiganActivation activation, gsize n_floats, const float *y,
                                float *dy);
void cbigan_grad_cpu_l1_gradient(CbiganBackend *self, gsize n_floats, const float *a, const float *b, float scale,
                                 float *da);
void cbigan_grad_cpu_fill(CbiganBackend *self, gsize n_floats, float value, float *x);
void cbigan_grad_cpu_add(CbiganBackend *self, gsize n_floats, const float *x, float *y);
void cbigan_grad_cpu_mix(CbiganBackend *self, int n, gsize size, const float *e, const float *a, const float *b,
                         float *out);
void cbigan_grad_cpu_square_norms(CbiganBackend *self, int n, gsize size, const float *x, double *out);
void cbigan_grad_cpu_scale(CbiganBackend *self, int n, gsize size, const float *e, const float *x, float *out);
void cbigan_grad_cpu_adam(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, float *gradients, float *m,
                          float *v, float *parameters);
void cbigan_grad_cpu_average(CbiganBackend *self, gsize n_floats, const CbiganUpdate *update, const float *x,
                             float *mean);

G_END_DECLS
