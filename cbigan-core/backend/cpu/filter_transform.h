/* filter_transform.h - G of Winograd's minimal filtering: a 3x3 filter's transform, and the way back of its gradient
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * F(2, 3) and F(4, 3) of Lavin & Gray 2015 (arXiv 1509.09308), sections 4.1 and 4.3; in double, so that only one rounding is
 * left. side: of a tile of outputs, 2 or 4.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* g (3, 3) -> U = G g G^T (side + 2, side + 2) */
void cbigan_filter_transform(int side, const float *g, double *u);
/* dU (side + 2, side + 2): dg (3, 3) += G^T dU G */
void cbigan_filter_gradient(int side, const double *u, float *g);

G_END_DECLS
