/* avgpool.c - mean of 2x2, stride 2
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cpu.h"

gboolean
cbigan_cpu_plan_avgpool(CbiganCpu *self, CbiganCpuPlan *plan, GError **error)
{
  const CbiganLayer *layer = plan->base.layer;
  dnnl_memory_desc_t x = cbigan_cpu_nhwc(plan->base.batch, layer->in),
                     y = cbigan_cpu_nhwc(plan->base.batch, layer->out);
  dnnl_dims_t kernel = { 2, 2 }, none = { 0, 0 };
  dnnl_pooling_desc_t operation;
  dnnl_status_t status = dnnl_pooling_forward_desc_init(
      &operation, dnnl_forward_inference, dnnl_pooling_avg_exclude_padding, &x, &y, kernel, kernel, none, none);
  return cbigan_cpu_check(status, layer->name, error) &&
         cbigan_cpu_primitive_init(self, &plan->operation, layer->name, &operation, NULL, NULL, error);
}
