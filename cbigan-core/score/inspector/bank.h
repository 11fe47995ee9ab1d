/* bank.h - a fixed bank of filters: features of a picture's cells without any training
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * First and second differences of the level at four scales, the level itself, and colours: what a cell looks like, and
 * how much detail it has.
 */
#pragma once
#include "backend/backend.h" /* CBIGAN_BANK_CHANNELS */

G_BEGIN_DECLS

#define CBIGAN_BANK_FINEST_BLUR 0.6 /* pixels, before the finest differences */
#define CBIGAN_BANK_HALVE_BLUR 0.8  /* pixels, before a plane is halved */
#define CBIGAN_BANK_UNIT 0.05f      /* of all features: variances below a fixed floor do not count, see gaussian.c */

/* planes (3, h, w): the level and two of colour -> features (CBIGAN_BANK_CHANNELS, cells), cells of
 * CBIGAN_INSPECTOR_CELL pixels, row by row; those at the right and lower borders may be smaller. backend: its threads
 * share the work, and it keeps a lack of memory (cbigan_backend_scratch()); NULL = the caller's alone. */
void cbigan_bank_features(CbiganBackend *backend, const float *planes, int w, int h, float *features);

G_END_DECLS
