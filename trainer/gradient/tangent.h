/* tangent.h - the tangent pass of a layer, for any backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Without bias and activation every layer is linear, so its tangent pass is the forward backend's own operation
 * on a copy of the layer that has neither. Plans of gradient backends embed CbiganTangentPlan first.
 */
#pragma once
#include "gradient/gradient.h"

G_BEGIN_DECLS

typedef struct {
  CbiganGradPlan base;
  CbiganLayer linear;  /* base.layer without bias and activation */
  CbiganPlan *forward; /* of `linear` at base.tangent_batch; NULL when that is 0 */
} CbiganTangentPlan;

gboolean cbigan_tangent_init(CbiganTangentPlan *plan, CbiganBackend *backend, const CbiganLayer *layer, int batch,
                             int tangent_batch, GError **error);
void cbigan_tangent_clear(CbiganTangentPlan *plan, CbiganBackend *backend);
void cbigan_tangent_load(CbiganTangentPlan *plan, CbiganBackend *backend, const float *parameters);
/* CbiganGradients.tangent: x (tangent_batch, in) -> y (tangent_batch, out). */
void cbigan_tangent_run(CbiganBackend *backend, CbiganGradPlan *plan, const float *x, float *y);

G_END_DECLS
