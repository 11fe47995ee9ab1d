/* avgpool.c - gradient of 2x2 average pooling
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cpu/cpu.h"

gboolean
cbigan_cpu_gradient_plan_avgpool(CbiganCpu *self, CbiganCpuGradientPlan *plan, GError **error)
{
  const CbiganLayer *l = plan->tangent.base.layer;
  const dnnl_memory_desc_t dx = cbigan_cpu_nhwc(plan->tangent.base.batch, l->in),
                           dy = cbigan_cpu_nhwc(plan->tangent.base.batch, l->out);
  const dnnl_alg_kind_t mean = dnnl_pooling_avg_exclude_padding;
  const dnnl_dims_t window = { 2, 2 }, padding = { 0 };
  dnnl_pooling_desc_t forward, backward;
  dnnl_primitive_desc_t hint = NULL;
  dnnl_status_t status = dnnl_pooling_forward_desc_init(&forward, dnnl_forward_training, mean, &dx, &dy, window,
                                                         window, padding, padding);
  if (!status)
    status = dnnl_pooling_backward_desc_init(&backward, mean, &dx, &dy, window, window, padding, padding);
  if (!status)
    status = dnnl_primitive_desc_create(&hint, &forward, NULL, self->engine, NULL);
  gboolean ok = cbigan_cpu_check(status, l->name, error) &&
                cbigan_cpu_primitive_init(self, &plan->data, l->name, &backward, NULL, hint, error);
  dnnl_primitive_desc_destroy(hint);
  return ok;
}
