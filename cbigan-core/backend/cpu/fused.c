/* fused.c - runs the steps of a fused pass, a group of patches (one a lane) at a time
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A residual block goes down its rows once. What it needs of x', t ... are four rows each, kept in rings that stay in
 * the processor's cache; the skip and the closing 1x1 are one convolution over two sources.
 */
#include "fused.h"

#include <omp.h>
#include <string.h>

/* Rows of a value or of a ring, blocked (see kernels.h). */
typedef struct {
  float *data;
  CbiganShape shape;
  int mask;    /* row y lies at y & mask: -1 = all rows are there */
  gsize plane; /* floats */
} Rows;

static Rows
rows(const CbiganCpuFused *self, float *data, CbiganShape shape, int mask)
{
  return (Rows){ data, shape, mask, (gsize)(shape.w + 2) * self->kernels->lanes };
}

/* `n` rows from *scratch on, their columns of zeros cleared: the last block's rings were of another width. */
static Rows
ring(const CbiganCpuFused *self, float **scratch, CbiganShape shape, int n)
{
  Rows r = rows(self, *scratch, shape, n - 1);
  gsize column = (gsize)self->kernels->lanes;
  for (int i = 0; i < n * shape.c; i++) {
    memset(r.data + i * r.plane, 0, column * sizeof(float));
    memset(r.data + (i + 1) * r.plane - column, 0, column * sizeof(float));
  }
  *scratch += (gsize)n * shape.c * r.plane;
  return r;
}

static Rows
value_rows(const CbiganCpuFused *self, float *workspace, int value)
{
  return rows(self, workspace + self->offsets[value], self->network->values[value].shape, -1);
}

static float *
row_at(const Rows *r, int y) /* (c, w + 2, lanes) */
{
  return r->data + (gsize)(y & r->mask) * r->shape.c * r->plane;
}

/* Row y of a source with `taps` taps; before and behind the last row there are zeros. */
static CbiganSource
source(const CbiganCpuFused *self, const Rows *r, int y, int taps)
{
  CbiganSource s = { .plane = r->plane, .channels = r->shape.c, .taps = taps };
  if (y >= 0 && y < r->shape.h)
    s.data = row_at(r, y) + (taps == 3 ? 0 : self->kernels->lanes);
  return s;
}

static void
convolve(const CbiganCpuFused *self, const CbiganFilter *f, const CbiganSource *sources, int y, const Rows *out)
{
  self->kernels->convolve(&f->packed, sources, f->n_parts, out->shape.w, row_at(out, y) + self->kernels->lanes,
                          out->plane);
}

static void
convolve3(const CbiganCpuFused *self, const CbiganFilter *f, const Rows *x, int y, const Rows *out)
{
  const CbiganSource sources[] = { source(self, x, y - 1, 3), source(self, x, y, 3), source(self, x, y + 1, 3) };
  convolve(self, f, sources, y, out);
}

static void
upsample_row(const CbiganCpuFused *self, const Rows *in, int y, const Rows *out)
{
  int near = y / 2, far = CLAMP(y % 2 ? near + 1 : near - 1, 0, in->shape.h - 1);
  self->kernels->upsample(row_at(in, near), row_at(in, far), in->shape.c, in->shape.w, row_at(out, y));
}

static void
run_block(const CbiganCpuFused *self, const CbiganStep *step, float *workspace)
{
  enum { FIRST, SECOND, CLOSING };
  float *scratch = workspace + self->scratch;
  const Rows in = value_rows(self, workspace, step->inputs[0]), out = value_rows(self, workspace, step->output);
  CbiganShape full = step->full;
  const Rows x = step->upsample ? ring(self, &scratch, (CbiganShape){ in.shape.c, full.h, full.w }, 4) : in;
  const Rows t = ring(self, &scratch, full, 4), u = ring(self, &scratch, full, 1);
  const Rows y = step->avgpool ? ring(self, &scratch, full, 2) : out;
  int x_done = 0, t_done = 0; /* rows; each stage runs as far ahead as the next one's 3x3 reaches */
  for (int row = 0; row < full.h; row++) {
    for (; t_done <= MIN(row + 1, full.h - 1); t_done++) {
      for (; step->upsample && x_done <= MIN(t_done + 1, full.h - 1); x_done++)
        upsample_row(self, &in, x_done, &x);
      convolve3(self, &step->filters[FIRST], &x, t_done, &t);
    }
    convolve3(self, &step->filters[SECOND], &t, row, &u);
    const CbiganSource sources[] = { source(self, &u, row, 1), source(self, &x, row, 1) };
    convolve(self, &step->filters[CLOSING], sources, row, &y);
    if (step->avgpool && row % 2)
      self->kernels->avgpool(row_at(&y, row - 1), row_at(&y, row), full.c, full.w / 2, row_at(&out, row / 2));
  }
}

static void
run_conv2d(const CbiganCpuFused *self, const CbiganStep *step, float *workspace)
{
  const Rows in = value_rows(self, workspace, step->inputs[0]), out = value_rows(self, workspace, step->output);
  const CbiganFilter *f = &step->filters[0];
  for (int y = 0; y < out.shape.h; y++) {
    if (f->n_parts == 3) {
      convolve3(self, f, &in, y, &out);
    } else {
      const CbiganSource one = source(self, &in, y, 1);
      convolve(self, f, &one, y, &out);
    }
    if (step->tanh)
      self->kernels->tanh(out.shape.c, out.shape.w, row_at(&out, y));
  }
}

static void
run_dense(const CbiganCpuFused *self, const CbiganStep *step, float *workspace)
{
  const Rows out = value_rows(self, workspace, step->output);
  CbiganSource sources[CBIGAN_MAX_PARTS];
  int n = 0, lanes = self->kernels->lanes;
  for (int i = 0; i < step->n_inputs; i++) {
    const Rows in = value_rows(self, workspace, step->inputs[i]);
    for (int y = 0; y < in.shape.h; y++)
      sources[n++] = (CbiganSource){ row_at(&in, y) + lanes, in.plane, in.shape.c, in.shape.w };
  }
  for (int pixel = 0; pixel < step->n_filters; pixel++) {
    float *at = row_at(&out, pixel / out.shape.w) + (gsize)(1 + pixel % out.shape.w) * lanes;
    self->kernels->convolve(&step->filters[pixel].packed, sources, n, 1, at, out.plane);
  }
}

/* n samples, each in n,h,w,c order; lanes behind them keep what they had, and nobody reads it. */
static void
transfer(const CbiganCpuFused *self, float *workspace, int value, float *samples, int n, gboolean in)
{
  const Rows r = value_rows(self, workspace, value);
  CbiganShape s = r.shape;
  int lanes = self->kernels->lanes;
  gsize size = cbigan_shape_size(s);
  for (int y = 0; y < s.h; y++)
    for (int x = 0; x < s.w; x++)
      for (int c = 0; c < s.c; c++) {
        float *blocked = row_at(&r, y) + c * r.plane + (gsize)(x + 1) * lanes;
        float *plain = samples + ((gsize)y * s.w + x) * s.c + c;
        for (int i = 0; i < n; i++)
          if (in)
            blocked[i] = plain[i * size];
          else
            plain[i * size] = blocked[i];
      }
}

static void
run_group(const CbiganCpuFused *self, int first, float *workspace, float *const *values)
{
  static void (*const runs[])(const CbiganCpuFused *, const CbiganStep *, float *) = {
    [CBIGAN_STEP_BLOCK] = run_block,
    [CBIGAN_STEP_CONV2D] = run_conv2d,
    [CBIGAN_STEP_DENSE] = run_dense,
  };
  int n = MIN(self->kernels->lanes, self->batch - first);
  const CbiganNetwork *network = self->network;
  for (int v = 0; v < network->n_inputs; v++)
    if (self->transfer[v])
      transfer(self, workspace, v, values[v] + first * cbigan_shape_size(network->values[v].shape), n, TRUE);
  for (int i = 0; i < self->n_steps; i++)
    runs[self->steps[i].kind](self, &self->steps[i], workspace);
  for (int v = network->n_inputs; v < network->n_values; v++)
    if (self->transfer[v])
      transfer(self, workspace, v, values[v] + first * cbigan_shape_size(network->values[v].shape), n, FALSE);
}

void
cbigan_cpu_fused_run(CbiganFused *base, float *const *values)
{
  const CbiganCpuFused *self = (const CbiganCpuFused *)base;
#pragma omp parallel for num_threads(self->n_workspaces) schedule(dynamic, 1)
  for (int first = 0; first < self->batch; first += self->kernels->lanes)
    run_group(self, first, self->workspaces[omp_get_thread_num()], values);
}
