/* upsample.c - bilinear, twice the size, half-pixel centres, edges clamped
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cpu.h"

gboolean
cbigan_cpu_plan_upsample(CbiganCpu *self, CbiganCpuPlan *plan, GError **error)
{
  const CbiganLayer *layer = plan->base.layer;
  dnnl_memory_desc_t x = cbigan_cpu_nhwc(plan->base.batch, layer->in),
                     y = cbigan_cpu_nhwc(plan->base.batch, layer->out);
  const float factors[] = { 2, 2 };
  dnnl_resampling_desc_t operation;
  dnnl_status_t status =
      dnnl_resampling_forward_desc_init(&operation, dnnl_forward_inference, dnnl_resampling_linear, factors, &x, &y);
  return cbigan_cpu_check(status, layer->name, error) &&
         cbigan_cpu_primitive_init(self, &plan->operation, layer->name, &operation, NULL, NULL, error);
}
