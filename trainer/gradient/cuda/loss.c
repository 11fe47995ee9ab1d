/* loss.c - seeds and vectors of the losses, and the optimiser: what stands before their kernels
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cuda/cuda.h"

#include <math.h>

void
cbigan_cuda_l1_gradient(CbiganBackend *base, gsize n_floats, const float *a, const float *b, float scale, float *da)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_l1_gradient(n_floats, a, b, scale, da, self->stream));
}

void
cbigan_cuda_fill(CbiganBackend *base, gsize n_floats, float value, float *x)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_fill(n_floats, value, x, self->stream));
}

void
cbigan_cuda_add(CbiganBackend *base, gsize n_floats, const float *x, float *y)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_add_rows(1, n_floats, x, n_floats, y, self->stream));
}

void
cbigan_cuda_copy(CbiganBackend *base, gsize n_floats, const float *x, float *y)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cudaMemcpyAsync(y, x, n_floats * sizeof *y, cudaMemcpyDeviceToDevice, self->stream));
}

void
cbigan_cuda_mix(CbiganBackend *base, int n, gsize size, const float *e, const float *a, const float *b, float *out)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_mix(n, size, e, a, b, out, self->stream));
}

void
cbigan_cuda_scale(CbiganBackend *base, int n, gsize size, const float *e, const float *x, float *out)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_scale(n, size, e, x, out, self->stream));
}

void
cbigan_cuda_square_norms(CbiganBackend *base, int n, gsize size, const float *x, double *out)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const gsize parts = (gsize)cbigan_cuda_parts(size);
  double *partial = cbigan_cuda_inbox(self, (gsize)n * parts * sizeof(double)); /* nobody receives it */
  if (partial)
    CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_square_norms(n, size, x, partial, out, self->stream));
}

void
cbigan_cuda_penalty(CbiganBackend *base, int n, double weight, const double *squares, float *directions)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_penalty(n, weight, squares, directions, self->stream));
}

void
cbigan_cuda_sum(CbiganBackend *base, gsize n_floats, const float *x, double *out)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const int parts = cbigan_cuda_parts(n_floats);
  double *partial = cbigan_cuda_inbox(self, (gsize)parts * sizeof(double));
  if (partial)
    CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_sum(n_floats, x, partial, self->stream));
  cbigan_cuda_add_parts(self, 1, parts, FALSE, out);
}

/* Kingma & Ba 2015, algorithm 1 */
void
cbigan_cuda_adam(CbiganBackend *base, gsize n_floats, int step, float rate, float beta1, float beta2, float epsilon,
                 float *gradients, float *m, float *v, float *parameters)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const CbiganCudaAdam adam = { .beta1 = beta1,
                                .rest1 = (float)(1.0 - (double)beta1),
                                .beta2 = beta2,
                                .rest2 = (float)(1.0 - (double)beta2),
                                .scale = (float)((double)rate / (1.0 - pow((double)beta1, step))),
                                .root = (float)(1.0 / sqrt(1.0 - pow((double)beta2, step))),
                                .epsilon = epsilon };
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self, cbigan_cuda_launch_adam(n_floats, adam, gradients, m, v, parameters, self->stream));
}

void
cbigan_cuda_average(CbiganBackend *base, gsize n_floats, float decay, const float *x, float *mean)
{
  CbiganCuda *self = (CbiganCuda *)base;
  cbigan_cuda_enter(self);
  CBIGAN_CUDA_TRY(self,
                  cbigan_cuda_launch_average(n_floats, decay, (float)(1.0 - (double)decay), x, mean, self->stream));
}
