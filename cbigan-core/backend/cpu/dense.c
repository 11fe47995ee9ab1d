/* dense.c - matrix times the flattened sample
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cpu.h"

gboolean
cbigan_cpu_plan_dense(CbiganCpu *self, CbiganCpuPlan *plan, GError **error)
{
  const CbiganLayer *layer = plan->base.layer;
  dnnl_memory_desc_t x = cbigan_cpu_nhwc(plan->base.batch, layer->in), weights = cbigan_cpu_any_weights(layer), y, bias;
  dnnl_dim_t out = (dnnl_dim_t)cbigan_shape_size(layer->out);
  dnnl_dims_t dims = { plan->base.batch, out }, bias_dims = { out };
  dnnl_memory_desc_init_by_tag(&y, 2, dims, dnnl_f32, dnnl_nc);
  dnnl_memory_desc_init_by_tag(&bias, 1, bias_dims, dnnl_f32, dnnl_x);
  dnnl_inner_product_desc_t operation;
  dnnl_status_t status = dnnl_inner_product_forward_desc_init(&operation, dnnl_forward_inference, &x, &weights,
                                                              layer->bias == CBIGAN_NO_OFFSET ? NULL : &bias, &y);
  return cbigan_cpu_check(status, layer->name, error) &&
         cbigan_cpu_primitive_init(self, &plan->operation, layer->name, &operation,
                                   cbigan_cpu_attributes(layer->accumulate, layer->activation), NULL, error);
}
