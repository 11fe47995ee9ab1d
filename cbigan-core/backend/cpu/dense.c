/* dense.c - matrix times the flattened sample
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Not oneDNN's, which may add up the last samples of a batch in another order than the others (AVX2): a frame's score
 * would depend on the frames beside it. Here a number is the same sum at every place, and as fast. The weights lie
 * (in, out), both in the order of the values, so that a vector holds neighbouring outputs.
 */
#include "cpu.h"

#include <math.h>
#include <string.h>

#define LANES 16        /* outputs side by side; rows of weights are padded to a multiple */
#define ROWS 4          /* samples that share a pass over the weights */
#define PIECE 32        /* inputs */
#define PARALLEL 200000 /* products; for fewer, waking threads costs more than they save */

/* sums (rows, LANES) = x (rows, in) times LANES columns of weights (in, stride). Pieces are summed one by one and then
 * together: rounding errors grow with the longest chain of sums. */
static inline __attribute__((always_inline)) void
multiply(int rows, gsize in, gsize stride, const float *restrict weights, const float *restrict x,
         float sums[restrict][LANES])
{
  float sum[ROWS][LANES] = { 0 };
  for (gsize begin = 0; begin < in; begin += PIECE) {
    float piece[ROWS][LANES] = { 0 };
    for (gsize i = begin; i < MIN(begin + PIECE, in); i++, weights += stride)
      for (int row = 0; row < rows; row++)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
          piece[row][lane] += weights[lane] * x[(gsize)row * in + i];
    for (int row = 0; row < rows; row++)
      for (int lane = 0; lane < LANES; lane++)
        sum[row][lane] += piece[row][lane];
  }
  memcpy(sums, sum, (gsize)rows * sizeof *sums);
}

/* A constant number of rows keeps the sums in registers. */
static inline __attribute__((always_inline)) void
multiply_rows(int rows, gsize in, gsize stride, const float *weights, const float *x, float sums[][LANES])
{
  if (rows == ROWS)
    multiply(ROWS, in, stride, weights, x, sums);
  else
    for (int row = 0; row < rows; row++)
      multiply(1, in, stride, weights, x + (gsize)row * in, sums + row);
}

typedef void (*Multiply)(int rows, gsize in, gsize stride, const float *weights, const float *x, float sums[][LANES]);

static void
multiply_plain(int rows, gsize in, gsize stride, const float *weights, const float *x, float sums[][LANES])
{
  multiply_rows(rows, in, stride, weights, x, sums);
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) static void
multiply_avx2(int rows, gsize in, gsize stride, const float *weights, const float *x, float sums[][LANES])
{
  multiply_rows(rows, in, stride, weights, x, sums);
}

static Multiply
best_multiply(void)
{
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? multiply_avx2 : multiply_plain;
}
#else
static Multiply
best_multiply(void)
{
  return multiply_plain;
}
#endif

/* Floats from one input's weights to the next one's. */
static gsize
stride_of(const CbiganLayer *l)
{
  return (cbigan_shape_size(l->out) + LANES - 1) / LANES * LANES;
}

/* The weights' places as (out pixels, out.c, in.c, in.h, in.w): in the file, and (in.h, in.w, in.c, pixels, out.c). */
gboolean
cbigan_cpu_plan_dense(CbiganCpu *self, CbiganCpuPlan *plan, GError **error)
{
  const CbiganLayer *l = plan->base.layer;
  const dnnl_dim_t pixels = l->out.h * l->out.w, row = (dnnl_dim_t)l->weight_stride, out = (dnnl_dim_t)stride_of(l);
  dnnl_dims_t dims = { pixels, l->out.c, l->in.c, l->in.h, l->in.w };
  dnnl_dims_t from = { row, row * pixels, l->in.h * l->in.w, l->in.w, 1 };
  dnnl_dims_t to = { l->out.c, 1, out, out * l->in.c * l->in.w, out * l->in.c };
  dnnl_memory_desc_t file, packed;
  dnnl_memory_desc_init_by_strides(&file, 5, dims, dnnl_f32, from);
  dnnl_memory_desc_init_by_strides(&packed, 5, dims, dnnl_f32, to);
  return cbigan_cpu_plan_weights(self, plan, &file, &packed, cbigan_shape_size(l->in) * stride_of(l) * sizeof(float),
                                 error);
}

static float
activate(CbiganActivation activation, float y)
{
  return activation == CBIGAN_LEAKY ? (y > 0 ? y : CBIGAN_LEAKY_SLOPE * y) : activation == CBIGAN_TANH ? tanhf(y) : y;
}

typedef struct {
  const CbiganCpuPlan *plan;
  Multiply multiply;
  const float *x;
  float *y;
} Product;

/* Blocks of LANES outputs, of all samples */
static void
multiply_blocks(gpointer data, int begin, int end)
{
  const Product *p = data;
  const CbiganLayer *l = p->plan->base.layer;
  const float *bias = p->plan->bias;
  const int batch = p->plan->base.batch;
  const gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out), stride = stride_of(l);
  for (gsize first = (gsize)begin * LANES; first < MIN((gsize)end * LANES, out); first += LANES)
    for (int n = 0; n < batch; n += ROWS) {
      float sums[ROWS][LANES];
      int rows = MIN(ROWS, batch - n);
      p->multiply(rows, in, stride, p->plan->weights + first, p->x + (gsize)n * in, sums);
      for (int i = 0; i < rows; i++)
        for (gsize o = first; o < MIN(first + LANES, out); o++) {
          float *to = p->y + (gsize)(n + i) * out + o;
          *to = activate(l->activation, sums[i][o - first] + (bias ? bias[o] : 0.0f) + (l->accumulate ? *to : 0.0f));
        }
    }
}

void
cbigan_cpu_dense(CbiganBackend *self, CbiganPlan *base, const float *x, float *y)
{
  const CbiganLayer *l = base->layer;
  Product product = { (const CbiganCpuPlan *)base, best_multiply(), x, y };
  const gsize products = cbigan_shape_size(l->in) * cbigan_shape_size(l->out) * (gsize)base->batch;
  const int blocks = (int)(stride_of(l) / LANES);
  if (products > PARALLEL)
    cbigan_cpu_each(self, blocks, multiply_blocks, &product);
  else
    multiply_blocks(&product, 0, blocks);
}
