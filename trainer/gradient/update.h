/* update.h - the numbers of an update, with the same layout in backend memory and on the host
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain C, because kernels read them too.
 */
#pragma once

/* The numbers of Adam (Kingma & Ba 2015) and of the moving average in one update. */
typedef struct {
  double rate, correction1, correction2; /* correction = 1 - beta^count; count = 1, 2, ... since the moments were 0 */
  float scale, root;                     /* the same in float: rate / correction1, 1 / sqrt(correction2) */
  float beta1, beta2, epsilon;
  float decay; /* mean = decay mean + (1 - decay) parameters */
} CbiganUpdate;

/* One patch of a picture, turned about the patch's centre: cbigan_augment_patch(). */
typedef struct {
  unsigned picture;
  double left, top; /* corner of the upright patch */
  double cosine, sine;
} CbiganCut;
