/* health.h - how good pictures measure, and the bounds that follow; the rest of health is in cbigan.h
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

/* Grey levels of a picture's mean brightness in which light is as usual. */
typedef struct {
  double low, high;
} CbiganLightBounds;

/* Measures good pictures, whose ignored pixels are filled already. Those that can't be measured do not count. */
void cbigan_usual_measure(CbiganUsualPictures *self, const CbiganFrame *frames, guint n);
/* usual->n: 1 or more */
CbiganLightBounds cbigan_usual_light(const CbiganUsualPictures *usual);
/* Sets UNEVENNESS and LIKENESS (0 where a thumbnail is flat). thumbnail, usual: CBIGAN_THUMBNAIL_SIDE^2 grey levels, of
 * the picture and of the mean good picture */
void cbigan_measure_against(const float *thumbnail, const float *usual, double values[CBIGAN_N_MEASURES]);

G_END_DECLS
