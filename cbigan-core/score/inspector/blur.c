/* blur.c - Gaussian blur of planes of any size, on the host
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "blur.h"

#include <math.h>
#include <string.h>

#include "multiversion.h"

#define BLOCK 64 /* columns whose sums stay in registers */

/* A plane x (h, w) on its way to out (h, w). */
typedef struct {
  CbiganBackend *backend;
  int w, h, radius;
  const float *kernel; /* (2 radius + 1) */
  const float *x;
  float *out;
} Pass;

typedef float Sixteen __attribute__((vector_size(64)));

/* BLOCK columns of out: the sum of kernel[k] times row[k][i]. In vector types, as the compiler exchanges plain loops.
 */
static inline __attribute__((always_inline)) void
add_block(const float *const *rows, const float *kernel, int taps, int first, float *out)
{
  Sixteen sums[BLOCK / 16] = { { 0 } };
  for (int k = 0; k < taps; k++)
    for (int i = 0; i < BLOCK / 16; i++) {
      Sixteen x;
      memcpy(&x, rows[k] + first + 16 * i, sizeof x);
      sums[i] += kernel[k] * x;
    }
  memcpy(out + first, sums, sizeof sums);
}

/* A row of out, from `taps` rows */
CBIGAN_WIDE static void
blur_row(const float *const *rows, const float *kernel, int taps, int w, float *out)
{
  int i = 0;
  for (; i + BLOCK <= w; i += BLOCK)
    add_block(rows, kernel, taps, i, out);
  for (; i < w; i++) {
    float sum = 0.0f;
    for (int k = 0; k < taps; k++)
      sum += kernel[k] * rows[k][i];
    out[i] = sum;
  }
}

/* Rows [first, end), down the columns */
static void
blur_down(gpointer data, int first, int end)
{
  const Pass *p = data;
  const int taps = 2 * p->radius + 1;
  g_autofree const float **rows = cbigan_scratch_new(p->backend, const float *, (gsize)taps);
  for (int row = first; rows && row < end; row++) {
    for (int k = 0; k < taps; k++)
      rows[k] = p->x + (gsize)CLAMP(row + k - p->radius, 0, p->h - 1) * (gsize)p->w;
    blur_row(rows, p->kernel, taps, p->w, p->out + (gsize)row * (gsize)p->w);
  }
}

/* Rows [first, end), along themselves */
static void
blur_along(gpointer data, int first, int end)
{
  const Pass *p = data;
  const int taps = 2 * p->radius + 1;
  g_autofree const float **rows = cbigan_scratch_new(p->backend, const float *, (gsize)taps);
  g_autofree float *padded = cbigan_scratch_new(p->backend, float, (gsize)(p->w + 2 * p->radius));
  for (int row = first; rows && padded && row < end; row++) {
    const float *from = p->x + (gsize)row * (gsize)p->w;
    memcpy(padded + p->radius, from, (gsize)p->w * sizeof(float));
    for (int i = 0; i < p->radius; i++) {
      padded[i] = from[0];
      padded[p->radius + p->w + i] = from[p->w - 1];
    }
    for (int k = 0; k < taps; k++)
      rows[k] = padded + k;
    blur_row(rows, p->kernel, taps, p->w, p->out + (gsize)row * (gsize)p->w);
  }
}

void
cbigan_blur_with(CbiganBackend *backend, float *x, int w, int h, double sigma, float *spare)
{
  const int radius = (int)ceil(3.0 * sigma);
  const gsize n = (gsize)w * (gsize)h;
  if (radius < 1)
    return;
  g_autofree float *kernel = cbigan_scratch_new(backend, float, (gsize)(2 * radius + 1));
  float sum = 0.0f;
  if (!kernel)
    return;
  for (int k = -radius; k <= radius; k++)
    sum += kernel[k + radius] = expf((float)(-0.5 * k * k / (sigma * sigma)));
  for (int k = 0; k <= 2 * radius; k++)
    kernel[k] /= sum;
  const gsize numbers = 2 * (gsize)radius * n;
  cbigan_backend_each(backend, h, numbers, blur_down, &(Pass){ backend, w, h, radius, kernel, x, spare });
  cbigan_backend_each(backend, h, numbers, blur_along, &(Pass){ backend, w, h, radius, kernel, spare, x });
}

void
cbigan_blur_by(CbiganBackend *backend, float *x, int w, int h, double sigma)
{
  g_autofree float *spare = cbigan_scratch_new(backend, float, (gsize)w *(gsize)h);
  if (spare)
    cbigan_blur_with(backend, x, w, h, sigma, spare);
}

void
cbigan_blur(float *x, int w, int h, double sigma)
{
  cbigan_blur_by(NULL, x, w, h, sigma);
}
