/* surface_light.h - the light of a surface: grey levels that undo a gain and an offset of the whole picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A gain g and an offset b change log(x + 24) to log(g x + b + 24), which 24 (g - 1) - b more makes log(x + 24) + log
 * g. Both are told from the quartiles of R, G and B, of which good pictures have a mean and a covariance: the likeliest
 * number is linear in the quartiles. A model holds its weights, which the trainer finds (training/light_weights.h).
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

#define CBIGAN_LIGHT_QUARTILES 9
#define CBIGAN_LIGHT_PIXELS 65536       /* of a surface are enough */
#define CBIGAN_LIGHT_LARGEST_SHIFT 13.0 /* grey levels: a gain within 10 % and an offset within 10 */

/* Quartiles of R, G and B of a frame, in grey levels. */
void cbigan_surface_quartiles(const CbiganFrame *frame, float quartiles[CBIGAN_LIGHT_QUARTILES]);
/* Grey levels to be added to a frame before its logarithms. light: NULL = none are */
double cbigan_surface_shift(const CbiganSurfaceLight *light, const CbiganFrame *frame);

G_END_DECLS
