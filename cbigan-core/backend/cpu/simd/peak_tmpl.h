/* peak_tmpl.h - independent multiply-adds, the most that a processor can do; part of simd_channels.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

/* Each x = x * factor + term; the values stay near term / (1 - factor) = 1. The number of sums hides the latency, of up
 * to 5 cycles in 2 units, and fits into 16 registers. */
static float
multiply_add(float one, int rounds)
{
  Vector sums[CBIGAN_PEAK_SUMS], factor = { 0 }, term = { 0 };
  factor += 0.75f * one;
  term += 0.25f * one;
  for (int i = 0; i < CBIGAN_PEAK_SUMS; i++)
    sums[i] = term * (float)i;
  for (int round = 0; round < rounds; round++)
    UNROLL for (int i = 0; i < CBIGAN_PEAK_SUMS; i++) sums[i] = sums[i] * factor + term;
  for (int i = 1; i < CBIGAN_PEAK_SUMS; i++)
    sums[0] += sums[i];
  return sums[0][0];
}
