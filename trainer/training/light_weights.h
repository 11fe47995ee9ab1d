/* light_weights.h - how the light of a surface is told from its quartiles
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "score/inspector/surface_light.h"

G_BEGIN_DECLS

/* quartiles: (n, CBIGAN_LIGHT_QUARTILES) of good pictures, n at least 1. Fills the light, whose arrays the caller
 * frees. */
void cbigan_light_weights_find(const float *quartiles, guint n, CbiganSurfaceLight *light);

G_END_DECLS
