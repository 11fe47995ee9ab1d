/* difference.h - a frame less its reconstruction, where patches overlap less their mean
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "tiling.h"

G_BEGIN_DECLS

typedef struct {
  const CbiganFrame *frame;
  CbiganLight light;
  const CbiganPatches *patches;
  const float *images;    /* (patches, 3, side, side): G(E(x)) */
  guint8 *counts;         /* (width + height) of scratch */
  float *difference;      /* (3, height, width) */
  CbiganBackend *backend; /* shares the loops */
} CbiganDifference;

/* FALSE unless all of it is finite */
gboolean cbigan_difference_find(const CbiganDifference *self);
gboolean cbigan_all_finite(const float *x, gsize n);

G_END_DECLS
