/* conv1x1.h - 1x1 convolutions of few channels by own kernels, forward and backward, values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/cpu/context.h"

G_BEGIN_DECLS

/* For both directions. NULL: oneDNN's way is faster, or memory is too short for this one. Free with
 * cbigan_cpu_conv1_free(). */
CbiganCpuConv1 *cbigan_cpu_conv1_new(CbiganCpu *backend, const CbiganLayer *layer, int batch);
void cbigan_cpu_conv1_free(CbiganCpuConv1 *self); /* self: may be NULL */
/* parameters: the whole network's. Call it after every change of them. */
void cbigan_cpu_conv1_load(CbiganCpuConv1 *self, const float *parameters);
void cbigan_cpu_conv1_run(CbiganCpuConv1 *self, const float *x, float *y);
/* dx (+)= W^T dy */
void cbigan_cpu_conv1_data(CbiganCpuConv1 *self, const float *dy, float *dx, gboolean accumulate);
/* gradients[layer->weight ...] += sum over pixels of dy x */
void cbigan_cpu_conv1_weights(CbiganCpuConv1 *self, const float *x, const float *dy, float *gradients);

G_END_DECLS
