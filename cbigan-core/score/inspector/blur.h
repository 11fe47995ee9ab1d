/* blur.h - Gaussian blur of planes of any size, on the host
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* x (h, w) in place, cut off at 3 sigma, borders repeated. sigma: pixels; 0 = no blur. */
void cbigan_blur(float *x, int w, int h, double sigma);
/* The same numbers, by the threads of a backend, which keeps a lack of memory (cbigan_backend_scratch()); NULL: by the
 * caller alone. */
void cbigan_blur_by(CbiganBackend *backend, float *x, int w, int h, double sigma);
/* spare: (h, w), any numbers */
void cbigan_blur_with(CbiganBackend *backend, float *x, int w, int h, double sigma, float *spare);

G_END_DECLS
