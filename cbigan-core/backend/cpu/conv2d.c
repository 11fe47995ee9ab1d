/* conv2d.c - same-size convolution, with skip and activation in the same pass
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cpu.h"

gboolean
cbigan_cpu_plan_conv2d(CbiganCpu *self, CbiganCpuPlan *plan, GError **error)
{
  const CbiganLayer *layer = plan->base.layer;
  dnnl_memory_desc_t x = cbigan_cpu_nhwc(plan->base.batch, layer->in),
                     y = cbigan_cpu_nhwc(plan->base.batch, layer->out);
  dnnl_memory_desc_t weights = cbigan_cpu_any_weights(layer), file = cbigan_cpu_file_weights(layer), bias;
  dnnl_dims_t out = { layer->out.c }, stride = { 1, 1 }, pad = { layer->kernel / 2, layer->kernel / 2 };
  dnnl_memory_desc_init_by_tag(&bias, 1, out, dnnl_f32, dnnl_x);
  dnnl_convolution_desc_t operation;
  /* direct: Winograd would trade accuracy for speed */
  dnnl_status_t status =
      dnnl_convolution_forward_desc_init(&operation, dnnl_forward_inference, dnnl_convolution_direct, &x, &weights,
                                         layer->bias == CBIGAN_NO_OFFSET ? NULL : &bias, &y, stride, pad, pad);
  if (!cbigan_cpu_check(status, layer->name, error) ||
      !cbigan_cpu_primitive_init(self, &plan->operation, layer->name, &operation,
                                 cbigan_cpu_attributes(layer->accumulate, layer->activation), NULL, error))
    return FALSE;
  const dnnl_memory_desc_t *chosen = cbigan_cpu_descriptor(&plan->operation, DNNL_ARG_WEIGHTS);
  if (!cbigan_cpu_plan_weights(self, plan, &file, chosen, dnnl_memory_desc_get_size(chosen), error))
    return FALSE;
  cbigan_cpu_set(&plan->operation, DNNL_ARG_WEIGHTS, plan->weights);
  if (plan->bias)
    cbigan_cpu_set(&plan->operation, DNNL_ARG_BIAS, plan->bias);
  return TRUE;
}
