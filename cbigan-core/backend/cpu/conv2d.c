/* conv2d.c - same-size convolution, with skip and activation in the same pass
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "context.h"

gboolean
cbigan_cpu_plan_conv2d(CbiganCpuLayer *plan, GError **error)
{
  const CbiganLayer *layer = plan->layer;
  g_autoptr(CbiganCpuLayout) file = cbigan_cpu_file_weights(layer);
  if (!cbigan_cpu_convolution_init(plan->base.cpu, &plan->operation, CBIGAN_CPU_FORWARD, layer, plan->batch, error))
    return FALSE;
  const CbiganCpuLayout *chosen = cbigan_cpu_pieces_layout(&plan->operation, DNNL_ARG_WEIGHTS);
  if (!cbigan_cpu_plan_weights(plan, file, chosen, cbigan_cpu_layout_size(chosen), error))
    return FALSE;
  cbigan_cpu_set(&plan->operation, DNNL_ARG_WEIGHTS, plan->weights, 0);
  if (plan->bias)
    cbigan_cpu_set(&plan->operation, DNNL_ARG_BIAS, plan->bias, 0);
  return TRUE;
}
