/* filter.h - the few picture operations behind the anomaly maps
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain loops over float planes that the compiler turns into vectors; OpenCV's core has none of them (they live in
 * its imgproc, which is not linked). Each runs along rows only, so a plane is read in order.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* out (+)= |x - mean of x over the (2 radius + 1)^2 window around each pixel|; the window is cut at the border.
 * x, out: (h, w), no overlap. columns: (w) of scratch. */
void cbigan_filter_high_pass(const float *x, int w, int h, int radius, gboolean accumulate, double *columns,
                             float *out);

/* x (h, w) blurred in place with a Gaussian, cut off at 3 sigma, borders repeated. scratch: (h, w). backend: who shares
 * the work; NULL = nobody. The result does not depend on the number of threads. */
void cbigan_filter_gaussian(float *x, int w, int h, double sigma, float *scratch, CbiganBackend *backend);

/* The blur's weights: 2 radius + 1 numbers of `kernel`; returns the radius. */
int cbigan_filter_kernel(double sigma, float kernel[2 * CBIGAN_MAX_BLUR + 1]);

/* Smaller: mean over the area (parts of samples count as parts). Larger: bilinear, half-pixel centres, edges clamped.
 */
void cbigan_resampler_init(CbiganResampler *self, int from, int to);
void cbigan_resampler_clear(CbiganResampler *self);
/* Square planes x (from, from) -> out, whose element (i, j) lies at out[(i * to + j) * stride]. scratch: (to, from) */
void cbigan_resampler_run(const CbiganResampler *self, const float *x, float *scratch, float *out, int stride);

G_END_DECLS
