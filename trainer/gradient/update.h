/* update.h - numbers of an update that lie in backend memory as they do on the host
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain C, as kernels read them too.
 */
#pragma once

/* What changes with every update: Adam's numbers (Kingma & Ba 2015), and the average's. */
typedef struct {
  double rate, correction1, correction2; /* correction = 1 - beta^count; count = 1, 2, ... since the moments were 0 */
  float scale, root;                     /* rate / correction1, 1 / sqrt(correction2), for who takes floats */
  float beta1, beta2, epsilon;
  float decay; /* mean = decay mean + (1 - decay) parameters */
} CbiganUpdate;

/* One patch of one of some pictures, turned about its centre: cbigan_augment_patch(). */
typedef struct {
  unsigned picture;
  double left, top; /* the upright patch's corner */
  double cosine, sine;
} CbiganCut;
