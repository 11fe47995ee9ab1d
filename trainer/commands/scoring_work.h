/* scoring_work.h - counts the operations and bytes of scoring a patch, from the networks' tables
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

typedef struct {
  double flop;    /* per patch: Eq. 7 with direct convolutions; a multiplication and its addition count as two */
  double weights; /* bytes of the weights of all layers that run, in fp32; shared by all patches */
  double pixels;  /* bytes per patch: 8-bit RGB in, the floats of the anomaly map out */
} CbiganWork;

CbiganWork cbigan_scoring_work(const CbiganModel *model);

G_END_DECLS
