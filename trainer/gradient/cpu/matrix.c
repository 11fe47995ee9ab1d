/* matrix.c - gradients of dense layers and of 1x1 convolutions, which are dense layers over positions
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Values lie h,w,c, a dense layer's weights c,h,w. Where that differs (E's and D's first dense layer, G's seed) the
 * matrix is kept a second time in the order of the values; its gradient is made there and then added.
 */
#include "gradient/cpu/cpu.h"

#include <oneapi/dnnl/dnnl_debug.h>
#include <stdlib.h>

#include "i18n.h"

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
    return TRUE;
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
static void
multiply(CbiganCpu *self, const CbiganLayer *layer, gboolean transposed, gsize rows, gsize columns, gsize depth,
         const float *a, const float *b, gsize b_stride, gboolean accumulate, float *c, gsize c_stride)
{
  cbigan_cpu_use_threads(self);
  dnnl_status_t status = dnnl_sgemm(transposed ? 'T' : 'N', 'N', (dnnl_dim_t)rows, (dnnl_dim_t)columns,
                                    (dnnl_dim_t)depth, 1.0f, a, (dnnl_dim_t)(transposed ? rows : depth), b,
                                    (dnnl_dim_t)b_stride, accumulate ? 1.0f : 0.0f, c, (dnnl_dim_t)c_stride);
  if (status != dnnl_success)
    cbigan_backend_fail(&self->base, _("%s: oneDNN says %s"), layer->name, dnnl_status2str(status));
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
  const float *weight = m->weight ? m->weight : plan->parameters + l->weight;
  multiply(self, l, FALSE, m->rows, m->in, m->out, dy, weight, m->weight ? m->in : l->weight_stride, accumulate, dx,
           m->in);
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
  if (!m->gradient) {
    multiply(self, l, TRUE, m->out, m->in, m->rows, dy, x, m->in, TRUE, gradients, l->weight_stride);
    return;
  }
  multiply(self, l, TRUE, m->out, m->in, m->rows, dy, x, m->in, FALSE, m->gradient, m->in);
#pragma omp parallel for if (m->out * m->in >= CBIGAN_CPU_PARALLEL) num_threads(self->base.threads)
  for (gsize o = 0; o < m->out; o++) {
    float *row = gradients + m->of_out[o] * l->weight_stride;
    for (gsize i = 0; i < m->in; i++)
      row[m->of_in[i]] += m->gradient[o * m->in + i];
  }
}
