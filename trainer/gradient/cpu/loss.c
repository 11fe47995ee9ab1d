/* loss.c - seeds and vectors of the losses
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* The derivative of |a - b| is the sign of a - b; 0 where they are equal, and where one is NaN. */
void
cbigan_grad_cpu_l1_gradient(CbiganBackend *self, gsize n_floats, const float *a, const float *b, float scale, float *da)
{
#pragma omp parallel for simd if (n_floats >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
  for (gsize i = 0; i < n_floats; i++)
    da[i] += a[i] > b[i] ? scale : a[i] < b[i] ? -scale : 0.0f;
}

void
cbigan_grad_cpu_fill(CbiganBackend *self, gsize n_floats, float value, float *x)
{
#pragma omp parallel for simd if (n_floats >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
  for (gsize i = 0; i < n_floats; i++)
    x[i] = value;
}

void
cbigan_grad_cpu_add(CbiganBackend *self, gsize n_floats, const float *x, float *y)
{
#pragma omp parallel for simd if (n_floats >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
  for (gsize i = 0; i < n_floats; i++)
    y[i] += x[i];
}

void
cbigan_grad_cpu_copy(CbiganBackend *self, gsize n_floats, const float *x, float *y)
{
  memcpy(y, x, n_floats * sizeof *y);
}

void
cbigan_grad_cpu_mix(CbiganBackend *self, int n, gsize size, const float *e, const float *a, const float *b, float *out)
{
#pragma omp parallel for if (n * size >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
  for (int sample = 0; sample < n; sample++) {
    const gsize end = (sample + 1) * size;
#pragma omp simd
    for (gsize i = sample * size; i < end; i++)
      out[i] = e[sample] * a[i] + (1.0f - e[sample]) * b[i];
  }
}

void
cbigan_grad_cpu_scale(CbiganBackend *self, int n, gsize size, const float *e, const float *x, float *out)
{
#pragma omp parallel for if (n * size >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
  for (int sample = 0; sample < n; sample++) {
    const gsize end = (sample + 1) * size;
#pragma omp simd
    for (gsize i = sample * size; i < end; i++)
      out[i] = e[sample] * x[i];
  }
}

/* One thread adds up a sample, so the order of the sum does not depend on their number. */
void
cbigan_grad_cpu_square_norms(CbiganBackend *self, int n, gsize size, const float *x, double *out)
{
#pragma omp parallel for if (n * size >= CBIGAN_CPU_PARALLEL) num_threads(self->threads)
  for (int sample = 0; sample < n; sample++) {
    const float *from = x + sample * size;
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (gsize i = 0; i < size; i++)
      sum += (double)from[i] * from[i];
    out[sample] += sum;
  }
}

void
cbigan_grad_cpu_penalty(CbiganBackend *self, int n, double weight, const double *squares, float *directions)
{
  for (int i = 0; i < n; i++) {
    const double norm = sqrt(squares[i]);
    directions[i] = norm > 0.0 ? (float)(2.0 * weight * (norm - 1.0) / (n * norm)) : 0.0f;
  }
}

/* Where backend memory is host memory, the backend's own. */
void
cbigan_grad_cpu_l1_sums(CbiganBackend *self, int n, gsize size, const float *a, const float *b, double *out)
{
  cbigan_backend_l1(self, n, size, a, b, NULL, out);
}
