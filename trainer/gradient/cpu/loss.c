/* loss.c - seeds and vectors of the losses
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

/* --- n numbers -------------------------------------------------------------------------------------------------- */

#define BLOCK 4096 /* floats */

typedef struct {
  gsize n_floats;
  CbiganGradCpuFloatsFunc work;
  gpointer data;
} Floats;

static void
do_blocks(gpointer data, int first, int end)
{
  const Floats *f = data;
  f->work(f->data, (gsize)first * BLOCK, MIN((gsize)end * BLOCK, f->n_floats));
}

void
cbigan_grad_cpu_floats(CbiganBackend *self, gsize n_floats, CbiganGradCpuFloatsFunc work, gpointer data)
{
  Floats floats = { n_floats, work, data };
  cbigan_backend_each(self, (int)((n_floats + BLOCK - 1) / BLOCK), n_floats, do_blocks, &floats);
}

typedef struct {
  const float *a, *b;
  float value;
  float *to;
} Job;

/* The derivative of |a - b| is the sign of a - b; 0 where they are equal, and where one is NaN. */
static void
add_signs(gpointer data, gsize first, gsize end)
{
  const Job *j = data;
  const float *restrict a = j->a, *restrict b = j->b, value = j->value;
  float *restrict da = j->to;
  for (gsize i = first; i < end; i++)
    da[i] += a[i] > b[i] ? value : a[i] < b[i] ? -value : 0.0f;
}

void
cbigan_grad_cpu_l1_gradient(CbiganBackend *self, gsize n_floats, const float *a, const float *b, float scale, float *da)
{
  Job job = { a, b, scale, da };
  cbigan_grad_cpu_floats(self, n_floats, add_signs, &job);
}

static void
fill(gpointer data, gsize first, gsize end)
{
  const Job *j = data;
  for (gsize i = first; i < end; i++)
    j->to[i] = j->value;
}

void
cbigan_grad_cpu_fill(CbiganBackend *self, gsize n_floats, float value, float *x)
{
  Job job = { .value = value, .to = x };
  cbigan_grad_cpu_floats(self, n_floats, fill, &job);
}

static void
add(gpointer data, gsize first, gsize end)
{
  const Job *j = data;
  const float *restrict x = j->a;
  float *restrict y = j->to;
  for (gsize i = first; i < end; i++)
    y[i] += x[i];
}

void
cbigan_grad_cpu_add(CbiganBackend *self, gsize n_floats, const float *x, float *y)
{
  Job job = { .a = x, .to = y };
  cbigan_grad_cpu_floats(self, n_floats, add, &job);
}

/* --- n samples -------------------------------------------------------------------------------------------------- */

typedef struct {
  gsize size;
  const float *e, *a, *b;
  float *to;
  double *sums;
} Samples;

static void
mix(gpointer data, int first, int end)
{
  const Samples *s = data;
  for (int sample = first; sample < end; sample++) {
    const float e = s->e[sample];
    const float *restrict a = s->a + sample * s->size, *restrict b = s->b + sample * s->size;
    float *restrict to = s->to + sample * s->size;
    for (gsize i = 0; i < s->size; i++)
      to[i] = e * a[i] + (1.0f - e) * b[i];
  }
}

void
cbigan_grad_cpu_mix(CbiganBackend *self, int n, gsize size, const float *e, const float *a, const float *b, float *out)
{
  Samples samples = { size, e, a, b, out, NULL };
  cbigan_backend_each(self, n, n * size, mix, &samples);
}

static void
scale(gpointer data, int first, int end)
{
  const Samples *s = data;
  for (int sample = first; sample < end; sample++) {
    const float *a = s->a + sample * s->size;
    float *to = s->to + sample * s->size;
#pragma omp simd
    for (gsize i = 0; i < s->size; i++)
      to[i] = s->e[sample] * a[i];
  }
}

void
cbigan_grad_cpu_scale(CbiganBackend *self, int n, gsize size, const float *e, const float *x, float *out)
{
  Samples samples = { size, e, x, NULL, out, NULL };
  cbigan_backend_each(self, n, n * size, scale, &samples);
}

/* One thread adds up a sample, so the order of the sum does not depend on the number of threads. */
static void
add_squares(gpointer data, int first, int end)
{
  const Samples *s = data;
  for (int sample = first; sample < end; sample++) {
    const float *from = s->a + sample * s->size;
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (gsize i = 0; i < s->size; i++)
      sum += (double)from[i] * from[i];
    s->sums[sample] += sum;
  }
}

void
cbigan_grad_cpu_square_norms(CbiganBackend *self, int n, gsize size, const float *x, double *out)
{
  Samples samples = { size, NULL, x, NULL, NULL, out };
  cbigan_backend_each(self, n, n * size, add_squares, &samples);
}
