/* illumination.h - the light that a frame was taken in, and how it is compensated
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two quantiles of a frame's bytes are brought to those of the training pictures by a gain and a shift. All functions
 * are pure: any thread may call them.
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

/* A byte p of the frame (0..255) becomes gain * (p / 127.5 - 1) + shift. */
typedef struct {
  float gain, shift;
} CbiganLight;

/* The quantiles of the training pictures, -1..1 each. */
typedef struct {
  double low, median;
} CbiganLightTarget;

#define CBIGAN_LIGHT_LOW 0.1
#define CBIGAN_LIGHT_MEDIAN 0.5

/* histogram[v] += how many bytes of the rows [first, end) of the frame are v. */
void cbigan_light_histogram(const CbiganFrame *frame, int first, int end, guint64 histogram[256]);
/* Quantile of the bytes, 0 <= share <= 1, as a number in -1..1. A byte v stands for the range v - 1/2 to v + 1/2, so
 * the quantile moves smoothly. */
double cbigan_light_quantile(const guint64 histogram[256], double share);
/* Gain and shift that bring the quantiles CBIGAN_LIGHT_LOW and CBIGAN_LIGHT_MEDIAN of the histogram to the target. The
 * gain stays within 3/4 and 4/3, so that a frame without contrast is not blown up. */
CbiganLight cbigan_light_compensation(const guint64 histogram[256], CbiganLightTarget target);

G_END_DECLS
