/* reference.h - inside of the reference backend: plain loops in the equations' order, values in n,c,h,w order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * This backend judges the others, so its code must be simple enough to be believed by reading.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

typedef struct {
  CbiganPlan base; /* of one layer */
  const CbiganLayer *layer;
  int batch;
  const float *parameters; /* as in the model file */
} CbiganReferencePlan;

/* x (batch, in) -> y (batch, out) of the layer */
void cbigan_reference_conv2d(const CbiganReferencePlan *plan, const float *x, float *y);
void cbigan_reference_dense(const CbiganReferencePlan *plan, const float *x, float *y);
void cbigan_reference_upsample(const CbiganReferencePlan *plan, const float *x, float *y);
void cbigan_reference_avgpool(const CbiganReferencePlan *plan, const float *x, float *y);
void cbigan_reference_difference(CbiganBackend *self, int n, gsize size, const float *a, const float *b,
                                 float *difference, double *sums);
/* The same for any backend in host memory: the loops are shared by cbigan_backend_each(), and CbiganBackend's
 * channels_last says in which order values lie. */
void cbigan_reference_crop(CbiganBackend *self, CbiganFrames *frames, int n_frames, const CbiganFrameTiling *tiling,
                           int first, int n, const CbiganLightTarget *light, float *x);
void cbigan_reference_map(CbiganBackend *self, const CbiganFrameTiling *tiling, const float *differences,
                          const CbiganMapFilter *filter, const CbiganMapBaseline *good, float *scratch, float *map,
                          float *peak);
void cbigan_reference_distances(CbiganBackend *self, CbiganCritic *critic, float *const *values, int n,
                                float *distances, float *peaks);
/* The largest of n > 0 numbers; NaN if one of them is not finite. */
float cbigan_reference_peak(const float *x, gsize n);

/* Applies the activation to n numbers in place. */
void cbigan_reference_activate(CbiganActivation activation, gsize n, float *y);

G_END_DECLS
