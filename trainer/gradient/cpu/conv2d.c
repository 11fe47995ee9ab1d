/* conv2d.c - gradients of the convolution with kernels larger than 1; the others are matrix products
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

#include <stdlib.h>

#include "i18n.h"

/* What the backward passes share: the forward pass is the hint that oneDNN asks for. */
typedef struct {
  const char *name;
  dnnl_memory_desc_t x, y, any, file; /* values; weights in oneDNN's own order and in the file's */
  dnnl_dims_t strides, padding;
  dnnl_primitive_desc_t forward;
} Convolution;

static gboolean
describe(CbiganCpu *self, const CbiganLayer *l, int batch, Convolution *c, GError **error)
{
  *c = (Convolution){ .name = l->name,
                      .x = cbigan_cpu_nhwc(batch, l->in),
                      .y = cbigan_cpu_nhwc(batch, l->out),
                      .any = cbigan_cpu_any_weights(l),
                      .file = cbigan_cpu_file_weights(l),
                      .strides = { 1, 1 },
                      .padding = { l->kernel / 2, l->kernel / 2 } };
  dnnl_convolution_desc_t operation;
  dnnl_status_t status =
      dnnl_convolution_forward_desc_init(&operation, dnnl_forward_training, dnnl_convolution_direct, &c->x, &c->any,
                                         NULL, &c->y, c->strides, c->padding, c->padding);
  if (!status)
    status = dnnl_primitive_desc_create(&c->forward, &operation, NULL, self->engine, NULL);
  return cbigan_cpu_check(status, c->name, error);
}

static gboolean
plan_data(CbiganCpu *self, CbiganGradCpuConvolution *to, const Convolution *c, GError **error)
{
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = dnnl_convolution_backward_data_desc_init(&operation, dnnl_convolution_direct, &c->x, &c->any,
                                                                  &c->y, c->strides, c->padding, c->padding);
  if (!cbigan_cpu_check(status, c->name, error) ||
      !cbigan_cpu_primitive_init(self, &to->data, c->name, &operation, NULL, c->forward, error))
    return FALSE;
  const dnnl_memory_desc_t *chosen = cbigan_cpu_descriptor(&to->data, DNNL_ARG_WEIGHTS);
  to->packed = cbigan_cpu_memory(dnnl_memory_desc_get_size(chosen));
  if (!cbigan_cpu_check(to->packed ? dnnl_success : dnnl_out_of_memory, c->name, error) ||
      !cbigan_cpu_reorder_init(self, &to->pack, c->name, &c->file, chosen, FALSE, error))
    return FALSE;
  cbigan_cpu_set(&to->pack, DNNL_ARG_TO, to->packed);
  cbigan_cpu_set(&to->data, DNNL_ARG_WEIGHTS, to->packed);
  return TRUE;
}

static gboolean
plan_weights(CbiganCpu *self, CbiganGradCpuConvolution *to, const Convolution *c, GError **error)
{
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = dnnl_convolution_backward_weights_desc_init(
      &operation, dnnl_convolution_direct, &c->x, &c->any, NULL, &c->y, c->strides, c->padding, c->padding);
  if (!cbigan_cpu_check(status, c->name, error) ||
      !cbigan_cpu_primitive_init(self, &to->weights, c->name, &operation, NULL, c->forward, error))
    return FALSE;
  const dnnl_memory_desc_t *chosen = cbigan_cpu_descriptor(&to->weights, DNNL_ARG_DIFF_WEIGHTS);
  to->gradient = cbigan_cpu_memory(dnnl_memory_desc_get_size(chosen));
  if (!cbigan_cpu_check(to->gradient ? dnnl_success : dnnl_out_of_memory, c->name, error) ||
      !cbigan_cpu_reorder_init(self, &to->unpack, c->name, chosen, &c->file, TRUE, error))
    return FALSE;
  cbigan_cpu_set(&to->weights, DNNL_ARG_DIFF_WEIGHTS, to->gradient);
  cbigan_cpu_set(&to->unpack, DNNL_ARG_FROM, to->gradient);
  return TRUE;
}

gboolean
cbigan_grad_cpu_conv2d_plan(CbiganCpu *self, CbiganGradCpuPlan *plan, GError **error)
{
  plan->convolution.conv3 =
      cbigan_cpu_conv3_new(self, plan->base.layer, plan->base.batch, CBIGAN_CPU_CONV3_DATA | CBIGAN_CPU_CONV3_WEIGHTS);
  if (plan->convolution.conv3)
    return TRUE;
  Convolution c;
  gboolean ok = describe(self, plan->base.layer, plan->base.batch, &c, error) &&
                plan_data(self, &plan->convolution, &c, error) && plan_weights(self, &plan->convolution, &c, error);
  dnnl_primitive_desc_destroy(c.forward);
  return ok;
}

void
cbigan_grad_cpu_conv2d_clear(CbiganGradCpuPlan *plan)
{
  CbiganGradCpuConvolution *c = &plan->convolution;
  cbigan_cpu_conv3_free(c->conv3);
  cbigan_cpu_primitive_clear(&c->data);
  cbigan_cpu_primitive_clear(&c->weights);
  cbigan_cpu_primitive_clear(&c->pack);
  cbigan_cpu_primitive_clear(&c->unpack);
  free(c->packed);
  free(c->gradient);
  free(c->sum);
}

void
cbigan_grad_cpu_conv2d_load(CbiganCpu *self, CbiganGradCpuPlan *plan)
{
  CbiganGradCpuConvolution *c = &plan->convolution;
  if (c->conv3) {
    cbigan_cpu_conv3_load(c->conv3, plan->parameters);
    return;
  }
  cbigan_cpu_set(&c->pack, DNNL_ARG_FROM, plan->parameters + plan->base.layer->weight);
  cbigan_cpu_execute(self, &c->pack);
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
    cbigan_backend_fail(&self->base, _("%s: out of memory"), l->name);
    return;
  }
  cbigan_cpu_set(&c->data, DNNL_ARG_DIFF_DST, dy);
  cbigan_cpu_set(&c->data, DNNL_ARG_DIFF_SRC, accumulate ? c->sum : dx);
  cbigan_cpu_execute(self, &c->data);
  if (accumulate) /* oneDNN's backward pass can't add to its result */
    cbigan_grad_cpu_add(&self->base, size, c->sum, dx);
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
  cbigan_cpu_set(&c->weights, DNNL_ARG_SRC, x);
  cbigan_cpu_set(&c->weights, DNNL_ARG_DIFF_DST, dy);
  cbigan_cpu_execute(self, &c->weights);
  cbigan_cpu_set(&c->unpack, DNNL_ARG_TO, gradients + plan->base.layer->weight);
  cbigan_cpu_execute(self, &c->unpack);
}
