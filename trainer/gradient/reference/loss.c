/* loss.c - seeds and vectors of the losses
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

#include <math.h>
#include <string.h>

/* The derivative of |a - b| is the sign of a - b; 0 where they are equal, and where one is NaN. */
void
cbigan_grad_reference_l1_gradient(CbiganBackend *self, gsize n_floats, const float *a, const float *b, float scale,
                                  float *da)
{
  for (gsize i = 0; i < n_floats; i++)
    da[i] += scale * (float)((a[i] > b[i]) - (a[i] < b[i]));
}

void
cbigan_grad_reference_fill(CbiganBackend *self, gsize n_floats, float value, float *x)
{
  for (gsize i = 0; i < n_floats; i++)
    x[i] = value;
}

void
cbigan_grad_reference_add(CbiganBackend *self, gsize n_floats, const float *x, float *y)
{
  for (gsize i = 0; i < n_floats; i++)
    y[i] += x[i];
}

void
cbigan_grad_reference_copy(CbiganBackend *self, gsize n_floats, const float *x, float *y)
{
  memcpy(y, x, n_floats * sizeof *y);
}

void
cbigan_grad_reference_mix(CbiganBackend *self, int n, gsize size, const float *e, const float *a, const float *b,
                          float *out)
{
  for (gsize i = 0; i < n * size; i++)
    out[i] = e[i / size] * a[i] + (1.0f - e[i / size]) * b[i];
}

void
cbigan_grad_reference_scale(CbiganBackend *self, int n, gsize size, const float *e, const float *x, float *out)
{
  for (gsize i = 0; i < n * size; i++)
    out[i] = e[i / size] * x[i];
}

void
cbigan_grad_reference_square_norms(CbiganBackend *self, int n, gsize size, const float *x, double *out)
{
  for (int sample = 0; sample < n; sample++)
    for (gsize i = 0; i < size; i++, x++)
      out[sample] += (double)*x * *x;
}

void
cbigan_grad_reference_penalty(CbiganBackend *self, int n, double weight, const double *squares, float *factors)
{
  for (int i = 0; i < n; i++) {
    const double norm = sqrt(squares[i]);
    factors[i] = norm > 0.0 ? (float)(2.0 * weight * (norm - 1.0) / (n * norm)) : 0.0f;
  }
}

/* Backend memory is host memory here and in `cpu`, so the backend's own operation serves. */
void
cbigan_grad_reference_l1_sums(CbiganBackend *self, int n, gsize size, const float *a, const float *b, double *out)
{
  cbigan_backend_difference(self, n, size, a, b, NULL, out);
}
