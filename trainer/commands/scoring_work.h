/* scoring_work.h - what scoring a patch costs whoever does it, from the networks' tables
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

typedef struct {
  double flop;    /* a patch: Eq. 7, each convolution done directly; a multiplication and its addition are two */
  double weights; /* bytes that all patches share: fp32, once, of the layers that are run */
  double pixels;  /* bytes a patch: 8-bit RGB in, the anomaly map's floats out */
} CbiganWork;

CbiganWork cbigan_scoring_work(const CbiganModel *model);

G_END_DECLS
