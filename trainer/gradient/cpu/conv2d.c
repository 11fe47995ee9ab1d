/* conv2d.c - gradients of the convolution with kernels larger than 1; the others are matrix products
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

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
  *c = (Convolution){ .name = l->name, .x = cbigan_cpu_nhwc(batch, l->in), .y = cbigan_cpu_nhwc(batch, l->out),
                      .any = cbigan_cpu_any_weights(l), .file = cbigan_cpu_file_weights(l), .strides = { 1, 1 },
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
plan_data(CbiganCpu *self, CbiganCpuGradientPlan *plan, const Convolution *c, GError **error)
{
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = dnnl_convolution_backward_data_desc_init(&operation, dnnl_convolution_direct, &c->x, &c->any,
                                                                  &c->y, c->strides, c->padding, c->padding);
  if (!cbigan_cpu_check(status, c->name, error) ||
      !cbigan_cpu_primitive_init(self, &plan->data, c->name, &operation, NULL, c->forward, error))
    return FALSE;
  const dnnl_memory_desc_t *chosen = cbigan_cpu_descriptor(&plan->data, DNNL_ARG_WEIGHTS);
  plan->packed = cbigan_cpu_memory(dnnl_memory_desc_get_size(chosen));
  if (!cbigan_cpu_check(plan->packed ? dnnl_success : dnnl_out_of_memory, c->name, error) ||
      !cbigan_cpu_reorder_init(self, &plan->pack, c->name, &c->file, chosen, FALSE, error))
    return FALSE;
  cbigan_cpu_set(&plan->pack, DNNL_ARG_TO, plan->packed);
  cbigan_cpu_set(&plan->data, DNNL_ARG_WEIGHTS, plan->packed);
  return TRUE;
}

static gboolean
plan_weights(CbiganCpu *self, CbiganCpuGradientPlan *plan, const Convolution *c, GError **error)
{
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = dnnl_convolution_backward_weights_desc_init(
      &operation, dnnl_convolution_direct, &c->x, &c->any, NULL, &c->y, c->strides, c->padding, c->padding);
  if (!cbigan_cpu_check(status, c->name, error) ||
      !cbigan_cpu_primitive_init(self, &plan->weights, c->name, &operation, NULL, c->forward, error))
    return FALSE;
  const dnnl_memory_desc_t *chosen = cbigan_cpu_descriptor(&plan->weights, DNNL_ARG_DIFF_WEIGHTS);
  plan->gradient = cbigan_cpu_memory(dnnl_memory_desc_get_size(chosen));
  if (!cbigan_cpu_check(plan->gradient ? dnnl_success : dnnl_out_of_memory, c->name, error) ||
      !cbigan_cpu_reorder_init(self, &plan->unpack, c->name, chosen, &c->file, TRUE, error))
    return FALSE;
  cbigan_cpu_set(&plan->weights, DNNL_ARG_DIFF_WEIGHTS, plan->gradient);
  cbigan_cpu_set(&plan->unpack, DNNL_ARG_FROM, plan->gradient);
  return TRUE;
}

gboolean
cbigan_cpu_gradient_plan_conv2d(CbiganCpu *self, CbiganCpuGradientPlan *plan, GError **error)
{
  Convolution c;
  gboolean ok = describe(self, plan->tangent.base.layer, plan->tangent.base.batch, &c, error) &&
                plan_data(self, plan, &c, error) && plan_weights(self, plan, &c, error);
  dnnl_primitive_desc_destroy(c.forward);
  return ok;
}
