/* upsample.c - gradient of bilinear x2 upsampling with half-pixel centres
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

gboolean
cbigan_cpu_gradient_plan_upsample(CbiganCpu *self, CbiganCpuGradientPlan *plan, GError **error)
{
  const CbiganLayer *l = plan->tangent.base.layer;
  const dnnl_memory_desc_t dx = cbigan_cpu_nhwc(plan->tangent.base.batch, l->in),
                           dy = cbigan_cpu_nhwc(plan->tangent.base.batch, l->out);
  dnnl_resampling_desc_t forward, backward;
  dnnl_primitive_desc_t hint = NULL;
  dnnl_status_t status = 
      dnnl_resampling_forward_desc_init(&forward, dnnl_forward_training, dnnl_resampling_linear, NULL, &dx, &dy);
  if (!status)
    status = dnnl_resampling_backward_desc_init(&backward, dnnl_resampling_linear, NULL, &dx, &dy);
  if (!status)
    status = dnnl_primitive_desc_create(&hint, &forward, NULL, self->engine, NULL);
  gboolean ok = cbigan_cpu_check(status, l->name, error) &&
                cbigan_cpu_primitive_init(self, &plan->data, l->name, &backward, NULL, hint, error);
  dnnl_primitive_desc_destroy(hint);
  return ok;
}
