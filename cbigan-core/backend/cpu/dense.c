/* dense.c - matrix times the flattened sample
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * oneDNN's product may add up the last samples of a batch in another order than the others (AVX2), so that a frame's
 * score would depend on the frames beside it. The sums here have one order at every place of a batch, and are as fast.
 * The weights lie (in, out), both in the order of the values, so that a vector holds neighbouring outputs.
 */
#include "context.h"

#include <math.h>

#define LANES CBIGAN_DENSE_OUTPUTS /* rows of weights are padded to a multiple */
#define ROWS CBIGAN_DENSE_ROWS
#define PARALLEL 200000 /* products; for fewer, waking threads costs more than they save */

/* Floats from one input's weights to the next one's. */
static gsize
stride_of(const CbiganLayer *l)
{
  return (cbigan_shape_size(l->out) + LANES - 1) / LANES * LANES;
}

/* The weights' places as (out pixels, out.c, in.c, in.h, in.w): in the file, and (in.h, in.w, in.c, pixels, out.c). */
gboolean
cbigan_cpu_plan_dense(CbiganCpuLayer *plan, GError **error)
{
  const CbiganLayer *l = plan->layer;
  const dnnl_dim_t pixels = l->out.h * l->out.w, row = (dnnl_dim_t)l->weight_stride, out = (dnnl_dim_t)stride_of(l);
  dnnl_dims_t dims = { pixels, l->out.c, l->in.c, l->in.h, l->in.w };
  dnnl_dims_t from = { row, row * pixels, l->in.h * l->in.w, l->in.w, 1 };
  dnnl_dims_t to = { l->out.c, 1, out, out * l->in.c * l->in.w, out * l->in.c };
  g_autoptr(CbiganCpuLayout) file = cbigan_cpu_layout_new_strided(5, dims, from);
  g_autoptr(CbiganCpuLayout) packed = cbigan_cpu_layout_new_strided(5, dims, to);
  return cbigan_cpu_plan_weights(plan, file, packed, cbigan_shape_size(l->in) * stride_of(l) * sizeof(float), error);
}

static float
activate(CbiganActivation activation, float y)
{
  return activation == CBIGAN_LEAKY ? (y > 0 ? y : CBIGAN_LEAKY_SLOPE * y) : activation == CBIGAN_TANH ? tanhf(y) : y;
}

typedef struct {
  const CbiganCpuLayer *plan;
  const CbiganCpuChannels *channels;
  const float *x;
  float *y;
} Product;

/* Blocks of LANES outputs, of all samples */
static void
multiply_blocks(gpointer data, int begin, int end)
{
  const Product *p = data;
  const CbiganLayer *l = p->plan->layer;
  const float *bias = p->plan->bias;
  const int batch = p->plan->batch;
  const gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out), stride = stride_of(l);
  for (gsize first = (gsize)begin * LANES; first < MIN((gsize)end * LANES, out); first += LANES)
    for (int n = 0; n < batch; n += ROWS) {
      float sums[ROWS][LANES];
      int rows = MIN(ROWS, batch - n);
      p->channels->dense(rows, in, stride, p->plan->weights + first, p->x + (gsize)n * in, sums);
      for (int i = 0; i < rows; i++)
        for (gsize o = first; o < MIN(first + LANES, out); o++) {
          float *to = p->y + (gsize)(n + i) * out + o;
          *to = activate(l->activation, sums[i][o - first] + (bias ? bias[o] : 0.0f) + (l->accumulate ? *to : 0.0f));
        }
    }
}

void
cbigan_cpu_dense(const CbiganCpuLayer *plan, const float *x, float *y)
{
  const CbiganLayer *l = plan->layer;
  const CbiganCpuIsa *isa = plan->base.cpu->isa;
  Product product = { plan, (isa ? isa : cbigan_cpu_best_isa())->channels[0], x, y };
  const gsize products = cbigan_shape_size(l->in) * cbigan_shape_size(l->out) * (gsize)plan->batch;
  const int blocks = (int)(stride_of(l) / LANES);
  if (products > PARALLEL)
    cbigan_cpu_each(&plan->base.cpu->base, blocks, multiply_blocks, &product);
  else
    multiply_blocks(&product, 0, blocks);
}
