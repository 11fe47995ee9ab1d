/* matrix.c - gradients of dense layers and of 1x1 convolutions, which are dense layers over positions
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Values lie h,w,c, a dense layer's weights c,h,w. If the two orders differ (E's and D's first dense layer, G's seed),
 * a copy of the matrix is kept in the order of the values. Its gradient is made in that order and then added.
 */
#include "gradient/cpu/cpu.h"

#include <oneapi/dnnl/dnnl_debug.h>
#include <stdlib.h>

#include "i18n.h"

#define PRODUCTS 200000 /* fewer are not worth a second thread */
#define LEAST_PART 16   /* rows or columns */
#define DEEP 8          /* so many times as many positions as channels make a weight gradient a sum in parts */

/* place[i] in c,h,w order of the i-th float in h,w,c order */
static gsize *
places(CbiganShape s)
{
  gsize *place = g_new(gsize, cbigan_shape_size(s)), *next = place;
  const gsize positions = (gsize)s.h * s.w;
  for (gsize p = 0; p < positions; p++)
    for (int c = 0; c < s.c; c++)
      *next++ = c * positions + p;
  return place;
}

gboolean
cbigan_grad_cpu_matrix_plan(CbiganCpu *self, CbiganGradCpuPlan *plan, GError **error)
{
  const CbiganLayer *l = plan->base.layer;
  CbiganGradCpuMatrix *m = &plan->matrix;
  const gsize batch = plan->base.batch;
  if (l->kind == CBIGAN_CONV2D) {
    *m = (CbiganGradCpuMatrix){ .rows = batch * l->in.h * l->in.w, .in = l->in.c, .out = l->out.c };
    m->conv1 = cbigan_cpu_conv1_new(self, l, plan->base.batch);
    if (m->conv1 || self->base.threads == 1 || m->rows < DEEP * MAX(m->in, m->out))
      return TRUE;
    m->parts = self->base.threads; /* C is too small to be shared, so the threads share the sum over positions */
    m->gradient = cbigan_cpu_memory(m->parts * m->out * m->in * sizeof(float));
    return cbigan_cpu_check(m->gradient ? dnnl_success : dnnl_out_of_memory, l->name, error);
  }
  *m = (CbiganGradCpuMatrix){ .rows = batch, .in = cbigan_shape_size(l->in), .out = cbigan_shape_size(l->out) };
  if (l->in.h * l->in.w == 1 && l->out.h * l->out.w == 1)
    return TRUE;
  m->of_in = places(l->in);
  m->of_out = places(l->out);
  m->weight = cbigan_cpu_memory(m->out * m->in * sizeof(float));
  m->gradient = cbigan_cpu_memory(m->out * m->in * sizeof(float));
  return cbigan_cpu_check(m->weight && m->gradient ? dnnl_success : dnnl_out_of_memory, l->name, error);
}

void
cbigan_grad_cpu_matrix_clear(CbiganGradCpuPlan *plan)
{
  CbiganGradCpuMatrix *m = &plan->matrix;
  cbigan_cpu_conv1_free(m->conv1);
  g_free(m->of_in);
  g_free(m->of_out);
  free(m->weight);
  free(m->gradient);
}

void
cbigan_grad_cpu_matrix_load(CbiganCpu *self, CbiganGradCpuPlan *plan)
{
  const CbiganLayer *l = plan->base.layer;
  const CbiganGradCpuMatrix *m = &plan->matrix;
  if (m->conv1)
    cbigan_cpu_conv1_load(m->conv1, plan->parameters);
  if (!m->weight)
    return;
  for (gsize o = 0; o < m->out; o++) {
    const float *row = plan->parameters + l->weight + m->of_out[o] * l->weight_stride;
    for (gsize i = 0; i < m->in; i++)
      m->weight[o * m->in + i] = row[m->of_in[i]];
  }
}

/* C (rows, columns) (+)= op(A) B, op(A) (rows, depth), A transposed in memory where `transposed` */
typedef struct {
  gboolean transposed, accumulate;
  gsize rows, columns, depth;
  const float *a, *b;
  gsize a_stride, b_stride, c_stride;
  float *c;
} Product;

static dnnl_status_t
multiply(const Product *p)
{
  int before = cbigan_cpu_one_thread();
  dnnl_status_t status =
      dnnl_sgemm(p->transposed ? 'T' : 'N', 'N', (dnnl_dim_t)p->rows, (dnnl_dim_t)p->columns, (dnnl_dim_t)p->depth,
                 1.0f, p->a, (dnnl_dim_t)p->a_stride, p->b, (dnnl_dim_t)p->b_stride, p->accumulate ? 1.0f : 0.0f, p->c,
                 (dnnl_dim_t)p->c_stride);
  cbigan_cpu_threads_back(before);
  return status;
}

typedef struct {
  const Product *product;
  gsize parts, apart; /* apart: floats from one part's sums to the next one's; 0 = parts are rows or columns of C */
  int status;         /* of the last part that failed; atomic */
} Job;

static void
multiply_part(gpointer data, int turn, int part, int thread)
{
  Job *j = data;
  Product p = *j->product;
  gsize all = j->apart ? p.depth : MAX(p.rows, p.columns);
  gsize first = all * part / j->parts, n = all * (part + 1) / j->parts - first;
  if (j->apart) {
    p.depth = n;
    p.a += first * p.a_stride;
    p.b += first * p.b_stride;
    p.c += part * j->apart;
  } else if (p.rows >= p.columns) {
    p.rows = n;
    p.a += first * (p.transposed ? 1 : p.a_stride);
    p.c += first * p.c_stride;
  } else {
    p.columns = n;
    p.b += first;
    p.c += first;
  }
  dnnl_status_t status = multiply(&p);
  if (status != dnnl_success)
    g_atomic_int_set(&j->status, status);
}

/* By all threads. sums: parts of the depth, each with C (rows, columns) of its own; 0 = parts of C. */
static void
multiply_all(CbiganCpu *self, const CbiganLayer *layer, const Product *p, int sums)
{
  const gsize size = p->rows * p->columns, most = (MAX(p->rows, p->columns) + LEAST_PART - 1) / LEAST_PART;
  Job job = { p, sums, size, dnnl_success };
  if (!sums)
    job = (Job){ p, size * p->depth < PRODUCTS ? 1 : MIN((gsize)self->base.threads, most), 0, dnnl_success };
  cbigan_cpu_parallel(self, (int)job.parts, multiply_part, &job);
  if (job.status != dnnl_success)
    cbigan_backend_fail(&self->base, _("%s: oneDNN says %s"), layer->name, dnnl_status2str((dnnl_status_t)job.status));
}

void
cbigan_grad_cpu_matrix_data(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  const CbiganGradCpuMatrix *m = &plan->matrix;
  if (m->conv1) {
    cbigan_cpu_conv1_data(m->conv1, dy, dx, accumulate);
    return;
  }
  const Product product = { .accumulate = accumulate,
                            .rows = m->rows,
                            .columns = m->in,
                            .depth = m->out,
                            .a = dy,
                            .a_stride = m->out,
                            .b = m->weight ? m->weight : plan->parameters + l->weight,
                            .b_stride = m->weight ? m->in : l->weight_stride,
                            .c = dx,
                            .c_stride = m->in };
  multiply_all(self, l, &product, 0);
}

typedef struct {
  const CbiganGradCpuMatrix *matrix;
  gsize stride; /* of the gradients' rows */
  float *gradients;
} Addition;

/* The parts' sums, in their order, are added to the gradients of outputs [first, end). */
static void
add_rows(gpointer data, int first, int end)
{
  const Addition *a = data;
  const CbiganGradCpuMatrix *m = a->matrix;
  const gsize size = m->out * m->in;
  for (gsize o = first; o < (gsize)end; o++) {
    float *row = a->gradients + (m->of_out ? m->of_out[o] : o) * a->stride;
    for (gsize i = 0; i < m->in; i++) {
      float sum = m->gradient[o * m->in + i];
      for (int part = 1; part < m->parts; part++)
        sum += m->gradient[part * size + o * m->in + i];
      row[m->of_in ? m->of_in[i] : i] += sum;
    }
  }
}

void
cbigan_grad_cpu_matrix_weights(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *x, const float *dy,
                               float *gradients)
{
  const CbiganLayer *l = plan->base.layer;
  const CbiganGradCpuMatrix *m = &plan->matrix;
  if (m->conv1) {
    cbigan_cpu_conv1_weights(m->conv1, x, dy, gradients);
    return;
  }
  gradients += l->weight;
  const Product product = { .transposed = TRUE,
                            .accumulate = !m->gradient,
                            .rows = m->out,
                            .columns = m->in,
                            .depth = m->rows,
                            .a = dy,
                            .a_stride = m->out,
                            .b = x,
                            .b_stride = m->in,
                            .c = m->gradient ? m->gradient : gradients,
                            .c_stride = m->gradient ? m->in : l->weight_stride };
  multiply_all(self, l, &product, m->parts);
  if (m->gradient) {
    Addition addition = { m, l->weight_stride, gradients };
    cbigan_backend_each(&self->base, (int)m->out, m->out * m->in, add_rows, &addition);
  }
}
