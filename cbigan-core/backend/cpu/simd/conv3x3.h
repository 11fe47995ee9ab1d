/* conv3x3.h - 3x3 convolutions by own kernels, forward and backward, values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/cpu/context.h"

G_BEGIN_DECLS

typedef enum {
  CBIGAN_CPU_CONV3_FORWARD = 1 << 0,
  CBIGAN_CPU_CONV3_DATA = 1 << 1,
  CBIGAN_CPU_CONV3_WEIGHTS = 1 << 2
} CbiganCpuConv3Uses;

/* NULL: oneDNN's way is faster or the only one, or memory is too short for this one. Free with
 * cbigan_cpu_conv3_free(). */
CbiganCpuConv3 *cbigan_cpu_conv3_new(CbiganCpu *backend, const CbiganLayer *layer, int batch, CbiganCpuConv3Uses uses);
void cbigan_cpu_conv3_free(CbiganCpuConv3 *self); /* self: may be NULL */
/* parameters: the whole network's. Call it after every change of them. */
void cbigan_cpu_conv3_load(CbiganCpuConv3 *self, const float *parameters);
void cbigan_cpu_conv3_run(CbiganCpuConv3 *self, const float *x, float *y);
/* dx (+)= conv^T dy */
void cbigan_cpu_conv3_data(CbiganCpuConv3 *self, const float *dy, float *dx, gboolean accumulate);
/* gradients[layer->weight ...] += x (*) dy */
void cbigan_cpu_conv3_weights(CbiganCpuConv3 *self, const float *x, const float *dy, float *gradients);

G_END_DECLS
