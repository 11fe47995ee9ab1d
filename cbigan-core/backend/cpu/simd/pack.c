/* pack.c - weights of fused layers in the kernels' order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Training loads E and G for each update of D, so filters are transformed several at a time, by all threads.
 */
#include "winograd_points.h"
#include "backend/cpu/fused.h"
#include "multiversion.h"

static int
positions(const CbiganCpuWinograd *conv)
{
  return (conv->side + 2) * (conv->side + 2);
}

static void
use_packed(CbiganCpuStep *step)
{
  step->conv3[0].weights = step->packed[0];
  step->conv3[1].weights = step->packed[1];
  step->matrix.weights = step->packed[2];
  step->matrix.bias = step->packed[3];
}

gboolean
cbigan_cpu_allocate_weights(CbiganCpuStep *step)
{
  const CbiganCpuKernels *kernels = step->kernels;
  gsize inputs = 0, sizes[4] = { 0 };
  for (int i = 0; i < step->n_parts; i++)
    inputs += (gsize)cbigan_cpu_cells(kernels, step->parts[i].channels);
  for (int i = 0; i < step->n_conv3; i++) {
    const CbiganCpuWinograd *conv = &step->conv3[i];
    sizes[i] = (gsize)positions(conv) * (gsize)(cbigan_cpu_cells(kernels, conv->inputs) * conv->outputs);
  }
  sizes[2] = inputs * (gsize)step->matrix.outputs;
  sizes[3] = step->bias == CBIGAN_NO_OFFSET ? 0 : (gsize)step->matrix.outputs;
  for (int i = 0; i < 4; i++)
    if (sizes[i] && !(step->packed[i] = cbigan_cpu_weights_new(sizes[i])))
      return FALSE;
  use_packed(step);
  return TRUE;
}

gboolean
cbigan_cpu_fused_share(CbiganPlan *base, const CbiganPlan *other)
{
  CbiganCpuFused *self = (CbiganCpuFused *)base;
  const CbiganCpuFused *like = (const CbiganCpuFused *)other;
  if (self->kernels != like->kernels || self->segments != like->segments || self->n_steps != like->n_steps)
    return FALSE;
  for (int i = 0; i < self->n_steps; i++) {
    CbiganCpuStep *step = &self->steps[i];
    for (int k = 0; k < 4; k++) {
      cbigan_cpu_weights_unref(step->packed[k]);
      step->packed[k] = cbigan_cpu_weights_ref(like->steps[i].packed[k]);
    }
    use_packed(step);
  }
  return TRUE;
}

static void
pack_matrix(CbiganCpuStep *step, const float *parameters)
{
  const CbiganCpuKernels *kernels = step->kernels;
  float *out = step->packed[2];
  int outputs = step->matrix.outputs;
  for (int o = 0, chunk; o < outputs; o += chunk) {
    chunk = cbigan_cpu_chunk(kernels, outputs, outputs - o);
    for (const CbiganCpuPart *p = step->parts; p < step->parts + step->n_parts; p++)
      for (int i = 0; i < p->channels; i += 1 + kernels->bf16)
        for (int k = o; k < o + chunk; k++) {
          const float *w = parameters + p->weight + (gsize)k * p->output_stride + (gsize)i;
          *out++ = kernels->bf16 ? cbigan_cpu_cell(w[0], i + 1 < p->channels ? w[1] : 0.0f) : w[0];
        }
  }
}

#define MOST_CHUNK 8 /* of outputs */

/* U = G g G^T of some 3x3 filters side by side, in double so that only one rounding is left */
CBIGAN_WIDE static void
transform_filters(int side, const double g[9][MOST_CHUNK], double u[36][MOST_CHUNK])
{
  const CbiganFilterRow *G = cbigan_filter_matrix(side);
  int n = side + 2;
  double across[3][6][MOST_CHUNK]; /* g G^T */
  for (int i = 0; i < 3; i++)
    for (int x = 0; x < n; x++)
      for (int k = 0; k < MOST_CHUNK; k++)
        across[i][x][k] = G[x][0] * g[3 * i][k] + G[x][1] * g[3 * i + 1][k] + G[x][2] * g[3 * i + 2][k];
  for (int y = 0; y < n; y++)
    for (int x = 0; x < n; x++)
      for (int k = 0; k < MOST_CHUNK; k++)
        u[y * n + x][k] = G[y][0] * across[0][x][k] + G[y][1] * across[1][x][k] + G[y][2] * across[2][x][k];
}

typedef struct {
  const CbiganCpuKernels *kernels;
  const CbiganCpuWinograd *conv;
  const CbiganCpuPart *part;
  const float *parameters;
  float *out;
} Packing;

/* The transformed filters of one input and `chunk` outputs from o on; zeros where that input does not exist */
static void
transform_input(const Packing *p, int o, int chunk, int input, double u[36][MOST_CHUNK])
{
  double g[9][MOST_CHUNK] = { 0 };
  for (int k = 0; k < chunk && input < p->conv->inputs; k++) {
    const float *filter = p->parameters + p->part->weight + (gsize)(o + k) * p->part->output_stride + (gsize)input * 9;
    for (int tap = 0; tap < 9; tap++)
      g[tap][k] = (double)filter[tap];
  }
  transform_filters(p->conv->side, g, u);
}

static void
pack_chunk(const Packing *p, int o, int chunk)
{
  const CbiganCpuWinograd *conv = p->conv;
  const gsize cells = (gsize)cbigan_cpu_cells(p->kernels, conv->inputs), size = cells * (gsize)conv->outputs;
  float *out = p->out + cells * (gsize)o;
  for (int i = 0; i < conv->inputs; i += 1 + p->kernels->bf16, out += chunk) {
    double u[36][MOST_CHUNK], u2[36][MOST_CHUNK];
    transform_input(p, o, chunk, i, u);
    if (p->kernels->bf16)
      transform_input(p, o, chunk, i + 1, u2);
    for (int position = 0; position < positions(conv); position++)
      for (int k = 0; k < chunk; k++)
        out[(gsize)position * size + (gsize)k] =
            p->kernels->bf16 ? cbigan_cpu_cell((float)u[position][k], (float)u2[position][k]) : (float)u[position][k];
  }
}

/* Chunks [first, end) */
static void
pack_chunks(gpointer data, int first, int end)
{
  const Packing *p = data;
  int outputs = p->conv->outputs;
  for (int o = 0, number = 0, chunk; o < outputs; o += chunk, number++) {
    chunk = cbigan_cpu_chunk(p->kernels, outputs, outputs - o);
    if (number >= first && number < end)
      pack_chunk(p, o, chunk);
  }
}

static void
pack_conv3(const CbiganCpuFused *self, CbiganCpuStep *step, int which, const float *parameters)
{
  Packing p = { self->kernels, &step->conv3[which], &step->conv3_parts[which], parameters, step->packed[which] };
  int n = 0, outputs = p.conv->outputs;
  for (int o = 0; o < outputs; n++)
    o += cbigan_cpu_chunk(self->kernels, outputs, outputs - o);
  cbigan_cpu_each(&self->base.cpu->base, n, pack_chunks, &p);
}

void
cbigan_cpu_fused_load(CbiganCpuPlan *base, const float *parameters)
{
  CbiganCpuFused *self = (CbiganCpuFused *)base;
  for (CbiganCpuStep *step = self->steps; step < self->steps + self->n_steps; step++) {
    for (int i = 0; i < step->n_conv3; i++)
      pack_conv3(self, step, i, parameters);
    pack_matrix(step, parameters);
    if (step->packed[3])
      memcpy(step->packed[3], parameters + step->bias, (gsize)step->matrix.outputs * sizeof(float));
  }
}
