/* conv2d.c - same-size convolution, with skip and activation in the same pass
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "conv3.h"

gboolean
cbigan_cpu_plan_conv2d(CbiganCpu *self, CbiganCpuPlan *plan, GError **error)
{
  const CbiganLayer *layer = plan->base.layer;
  if ((plan->conv3 = cbigan_cpu_conv3_new(self, layer, plan->base.batch, CBIGAN_CPU_CONV3_FORWARD)))
    return TRUE;
  dnnl_memory_desc_t x = cbigan_cpu_nhwc(plan->base.batch, layer->in),
                     y = cbigan_cpu_nhwc(plan->base.batch, layer->out);
  dnnl_memory_desc_t weights = cbigan_cpu_any_weights(layer), bias;
  dnnl_dims_t out = { layer->out.c }, stride = { 1, 1 }, pad = { layer->kernel / 2, layer->kernel / 2 };
  dnnl_memory_desc_init_by_tag(&bias, 1, out, dnnl_f32, dnnl_x);
  dnnl_convolution_desc_t operation;
  /* direct: oneDNN's own Winograd needs AVX-512, and as many channels as ours */
  dnnl_status_t status =
      dnnl_convolution_forward_desc_init(&operation, dnnl_forward_inference, dnnl_convolution_direct, &x, &weights,
                                         layer->bias == CBIGAN_NO_OFFSET ? NULL : &bias, &y, stride, pad, pad);
  return cbigan_cpu_check(status, layer->name, error) &&
         cbigan_cpu_primitive_init(self, &plan->operation, layer->name, &operation,
                                   cbigan_cpu_attributes(layer->accumulate, layer->activation), NULL, error);
}
