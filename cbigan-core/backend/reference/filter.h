/* filter.h - the picture operations behind the anomaly maps
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain loops over float planes that the compiler turns into vectors. OpenCV has these operations in its imgproc, which
 * is not linked. Each loop runs along rows, so a plane is read in order.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* out = |x - mean of x over the (2 radius + 1)^2 window around each pixel|, or out += that with `accumulate`. The
 * window is cut at the border. x, out: (h, w), no overlap. columns: (w) of scratch. */
void cbigan_filter_high_pass(const float *x, int w, int h, int radius, gboolean accumulate, double *columns,
                             float *out);

/* Blurs x (h, w) in place with the filter's kernel, down the columns and along the rows; borders are repeated. scratch:
 * (h, w). backend: its threads share the work, NULL = the caller's alone. The result does not depend on the threads. */
void cbigan_filter_blur(float *x, int w, int h, const CbiganMapFilter *filter, float *scratch, CbiganBackend *backend);

G_END_DECLS
