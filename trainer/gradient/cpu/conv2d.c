/* conv2d.c - gradients of the convolution with kernels larger than 1; the others are matrix products
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

#include <stdlib.h>

#include "i18n.h"

static gboolean
plan_data(CbiganCpu *self, CbiganGradCpuConvolution *to, const CbiganLayer *l, int batch, GError **error)
{
  g_autoptr(CbiganCpuLayout) file = cbigan_cpu_file_weights(l);
  if (!cbigan_cpu_convolution_init(self, &to->data, CBIGAN_CPU_DATA, l, batch, error))
    return FALSE;
  const CbiganCpuLayout *chosen = cbigan_cpu_pieces_layout(&to->data, DNNL_ARG_WEIGHTS);
  to->packed = cbigan_cpu_memory(cbigan_cpu_layout_size(chosen));
  if (!cbigan_cpu_check(to->packed ? dnnl_success : dnnl_out_of_memory, l->name, error) ||
      !cbigan_cpu_reorder_init(self, &to->pack, l->name, file, chosen, FALSE, error))
    return FALSE;
  cbigan_cpu_set(&to->data, DNNL_ARG_WEIGHTS, to->packed, 0);
  return TRUE;
}

static gboolean
plan_weights(CbiganCpu *self, CbiganGradCpuConvolution *to, const CbiganLayer *l, int batch, GError **error)
{
  g_autoptr(CbiganCpuLayout) file = cbigan_cpu_file_weights(l);
  if (!cbigan_cpu_convolution_init(self, &to->weights, CBIGAN_CPU_WEIGHTS, l, batch, error))
    return FALSE;
  const CbiganCpuLayout *chosen = cbigan_cpu_pieces_layout(&to->weights, DNNL_ARG_DIFF_WEIGHTS);
  to->gradient_floats = cbigan_cpu_layout_size(chosen) / sizeof(float);
  to->gradient = cbigan_cpu_memory(to->weights.n * to->gradient_floats * sizeof(float));
  if (!cbigan_cpu_check(to->gradient ? dnnl_success : dnnl_out_of_memory, l->name, error) ||
      !cbigan_cpu_reorder_init(self, &to->unpack, l->name, chosen, file, TRUE, error))
    return FALSE;
  cbigan_cpu_set(&to->weights, DNNL_ARG_DIFF_WEIGHTS, to->gradient, to->gradient_floats);
  return TRUE;
}

gboolean
cbigan_grad_cpu_conv2d_plan(CbiganCpu *self, CbiganGradCpuPlan *plan, GError **error)
{
  const CbiganLayer *l = plan->base.layer;
  const int batch = plan->base.batch;
  CbiganGradCpuConvolution *c = &plan->convolution;
  c->conv3 = cbigan_cpu_conv3_new(self, l, batch, CBIGAN_CPU_CONV3_DATA | CBIGAN_CPU_CONV3_WEIGHTS);
  return c->conv3 || (plan_data(self, c, l, batch, error) && plan_weights(self, c, l, batch, error));
}

void
cbigan_grad_cpu_conv2d_clear(CbiganGradCpuPlan *plan)
{
  CbiganGradCpuConvolution *c = &plan->convolution;
  cbigan_cpu_conv3_free(c->conv3);
  cbigan_cpu_pieces_clear(&c->data);
  cbigan_cpu_pieces_clear(&c->weights);
  cbigan_cpu_pieces_clear(&c->pack);
  cbigan_cpu_pieces_clear(&c->unpack);
  free(c->packed);
  free(c->gradient);
  free(c->sum);
}

void
cbigan_grad_cpu_conv2d_load(CbiganCpu *self, CbiganGradCpuPlan *plan)
{
  CbiganGradCpuConvolution *c = &plan->convolution;
  if (c->conv3)
    cbigan_cpu_conv3_load(c->conv3, plan->parameters);
  else
    cbigan_cpu_execute(self, &c->pack, DNNL_ARG_FROM, plan->parameters + plan->base.layer->weight, DNNL_ARG_TO,
                       c->packed);
}

void
cbigan_grad_cpu_conv2d_data(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  CbiganGradCpuConvolution *c = &plan->convolution;
  if (c->conv3) {
    cbigan_cpu_conv3_data(c->conv3, dy, dx, accumulate);
    return;
  }
  const gsize size = plan->base.batch * cbigan_shape_size(l->in);
  if (accumulate && !c->sum && !(c->sum = cbigan_cpu_memory(size * sizeof(float)))) {
    cbigan_backend_fail(&self->base, _("out of memory for the gradients of %s"), l->name);
    return;
  }
  cbigan_cpu_execute(self, &c->data, DNNL_ARG_DIFF_SRC, accumulate ? c->sum : dx, DNNL_ARG_DIFF_DST, dy);
  if (accumulate) /* oneDNN's backward pass can't add to its result */
    cbigan_grad_cpu_add(&self->base, size, c->sum, dx);
}

/* The pieces' gradients are added in their order, so the sum does not depend on which thread was the first. */
static void
sum_pieces(gpointer data, gsize first, gsize end)
{
  const CbiganGradCpuConvolution *c = data;
  for (int piece = 1; piece < c->weights.n; piece++) {
    const float *restrict from = c->gradient + piece * c->gradient_floats;
    float *restrict to = c->gradient;
    for (gsize i = first; i < end; i++)
      to[i] += from[i];
  }
}

void
cbigan_grad_cpu_conv2d_weights(CbiganCpu *self, CbiganGradCpuPlan *plan, const float *x, const float *dy,
                               float *gradients)
{
  CbiganGradCpuConvolution *c = &plan->convolution;
  if (c->conv3) {
    cbigan_cpu_conv3_weights(c->conv3, x, dy, gradients);
    return;
  }
  cbigan_cpu_execute(self, &c->weights, DNNL_ARG_SRC, x, DNNL_ARG_DIFF_DST, dy);
  if (c->weights.n > 1)
    cbigan_grad_cpu_floats(&self->base, c->gradient_floats, sum_pieces, c);
  cbigan_cpu_execute(self, &c->unpack, DNNL_ARG_FROM, c->gradient, DNNL_ARG_TO, gradients + plan->base.layer->weight);
}
