/* loss.c - members of CbiganGradients that launch one kernel: losses, vector operations, the optimiser
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cuda/gradients.h"

void
cbigan_grad_cuda_l1_gradient(CbiganBackend *base, gsize n_floats, const float *a, const float *b, float scale,
                             float *da)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_l1_gradient(n_floats, a, b, scale, da, self->stream));
}

void
cbigan_grad_cuda_fill(CbiganBackend *base, gsize n_floats, float value, float *x)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_fill(n_floats, value, x, self->stream));
}

void
cbigan_grad_cuda_add(CbiganBackend *base, gsize n_floats, const float *x, float *y)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_add_rows(1, n_floats, x, n_floats, y, self->stream));
}

void
cbigan_grad_cuda_copy(CbiganBackend *base, gsize n_floats, const float *x, float *y)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cudaMemcpyAsync(y, x, n_floats * sizeof *y, cudaMemcpyDeviceToDevice, self->stream));
}

void
cbigan_grad_cuda_mix(CbiganBackend *base, int n, gsize size, const float *e, const float *a, const float *b, float *out)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_mix(n, size, e, a, b, out, self->stream));
}

void
cbigan_grad_cuda_scale(CbiganBackend *base, int n, gsize size, const float *e, const float *x, float *out)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_scale(n, size, e, x, out, self->stream));
}

void
cbigan_grad_cuda_square_norms(CbiganBackend *base, int n, gsize size, const float *x, double *out)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const gsize parts = (gsize)cbigan_cuda_parts(size);
  double *partial = cbigan_cuda_partial(self, (gsize)n * parts * sizeof(double));
  if (partial)
    CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_square_norms(n, size, x, partial, out, self->stream));
}

void
cbigan_grad_cuda_penalty(CbiganBackend *base, int n, double weight, const double *squares, float *directions)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_penalty(n, weight, squares, directions, self->stream));
}

void
cbigan_grad_cuda_l1_sums(CbiganBackend *base, int n, gsize size, const float *a, const float *b, double *out)
{
  CbiganCuda *self = (CbiganCuda *)base;
  const gsize parts = (gsize)cbigan_cuda_parts(size);
  double *partial = cbigan_cuda_partial(self, (gsize)n * parts * sizeof(double));
  if (partial)
    CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_l1_sums(n, size, a, b, partial, out, self->stream));
}

void
cbigan_grad_cuda_adam(CbiganBackend *base, gsize n_floats, const CbiganUpdate *update, float *gradients, float *m,
                      float *v, float *parameters)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_adam(n_floats, update, gradients, m, v, parameters, self->stream));
}

void
cbigan_grad_cuda_average(CbiganBackend *base, gsize n_floats, const CbiganUpdate *update, const float *x, float *mean)
{
  CbiganCuda *self = (CbiganCuda *)base;
  CBIGAN_CUDA_TRY(self, cbigan_grad_cuda_launch_average(n_floats, update, x, mean, self->stream));
}
