/* pictures.h - pictures to score, and a model that knows good ones
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

typedef struct {
  CbiganFrame frame;
  guint8 *pixels;
} Picture;

/* Waves and a little grain, different for every seed. blot: adds a square of 9 pixels as a defect. */
Picture picture(int w, int h, guint seed, gboolean blot);
void change_light(Picture *p, double gain, double offset);
/* (transfer full) a model of the golden weights, calibrated on 12 good pictures; w = 0: of any size. The calibration is
 * done once per process and size. */
CbiganModel *calibrated_model(int patch, int w, int h);

G_END_DECLS
