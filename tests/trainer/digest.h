/* digest.h - compares parameters or their gradients with the digests of make_golden_training.py
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "../golden/golden.h"

G_BEGIN_DECLS

/* array: network->n_floats, host. what: "combined.encoder", of rows (projection, norm, samples) by parameter. Every
 * number may be off by tolerance * the row's norm (projection, norm) or the largest sample, samples by slack besides.
 * Returns the largest distance found in units of what is allowed; a failure names parameter and both values. */
double digest_compare(Golden *golden, const char *what, const CbiganNetwork *network, const float *array,
                      double tolerance, double slack);

G_END_DECLS
