/* peaks.h - the largest numbers of groups, for the host
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/cuda/context.h"

G_BEGIN_DECLS

/* map.c: the largest of each of n groups of `size` numbers -> peaks (n), host memory, written by finish(); NaN where a
 * number is not finite, or something failed. */
void cbigan_cuda_peaks(CbiganCuda *self, int n, gsize size, const float *x, float *peaks);

G_END_DECLS
