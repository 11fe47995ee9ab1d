/* upsample.c - bilinear, twice the size, half-pixel centres, edges clamped
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Own loops: with few channels oneDNN's take several times as long. Columns between two rows come first, which makes
 * long vectors, then pixels between two columns.
 */
#include "context.h"
#include "multiversion.h"

/* Pixels of a row that is upsampled already the other way -> twice as many; channels: constant where this is inlined */
static inline __attribute__((always_inline)) void
spread(const int channels, const float *restrict row, int w, float *restrict y)
{
  for (int x = 0; x < w; x++, y += 2 * channels) {
    const float *here = row + x * channels, *left = x > 0 ? here - channels : here,
                *right = x < w - 1 ? here + channels : here;
#pragma omp simd
    for (int c = 0; c < channels; c++) {
      y[c] = 0.25f * left[c] + 0.75f * here[c];
      y[channels + c] = 0.75f * here[c] + 0.25f * right[c];
    }
  }
}

/* Row `number` of a sample's output */
CBIGAN_WIDE static void
upsample_row(CbiganShape in, const float *x, int number, float *y)
{
  int size = in.w * in.c, near = number / 2, far = CLAMP(number % 2 ? near + 1 : near - 1, 0, in.h - 1);
  const float *a = x + (gsize)near * (gsize)size, *b = x + (gsize)far * (gsize)size;
  float row[size];
#pragma omp simd
  for (int i = 0; i < size; i++)
    row[i] = 0.75f * a[i] + 0.25f * b[i];
  switch (in.c) {
  case 4:
    spread(4, row, in.w, y);
    break;
  case 8:
    spread(8, row, in.w, y);
    break;
  case 16:
    spread(16, row, in.w, y);
    break;
  default:
    spread(in.c, row, in.w, y);
  }
}

typedef struct {
  CbiganShape in, out;
  const float *x;
  float *y;
} Rows;

static void
upsample_rows(gpointer data, int first, int end) /* of all samples' outputs */
{
  const Rows *r = data;
  const gsize row_size = (gsize)(r->out.w * r->out.c), size = cbigan_shape_size(r->in);
  for (int row = first; row < end; row++)
    upsample_row(r->in, r->x + (gsize)(row / r->out.h) * size, row % r->out.h, r->y + (gsize)row * row_size);
}

void
cbigan_cpu_upsample(const CbiganCpuLayer *plan, const float *x, float *y)
{
  const CbiganLayer *l = plan->layer;
  Rows rows = { l->in, l->out, x, y };
  cbigan_backend_each(&plan->base.cpu->base, plan->batch * l->out.h, (gsize)plan->batch * cbigan_shape_size(l->out),
                      upsample_rows, &rows);
}
