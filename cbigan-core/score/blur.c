/* blur.c - Gaussian blur of planes of any size, on the host
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "blur.h"

#include <math.h>
#include <string.h>

/* Rows of x, down the columns -> out */
static void
blur_down(const float *x, int w, int h, const float *kernel, int radius, float *out)
{
  memset(out, 0, sizeof *out * (gsize)w * (gsize)h);
  for (int row = 0; row < h; row++) {
    float *restrict to = out + (gsize)row * (gsize)w;
    for (int k = -radius; k <= radius; k++) {
      const float *restrict from = x + (gsize)CLAMP(row + k, 0, h - 1) * (gsize)w;
      const float weight = kernel[k + radius];
      for (int i = 0; i < w; i++)
        to[i] += weight * from[i];
    }
  }
}

/* One row along itself -> out. padded: (w + 2 radius) of scratch */
static void
blur_along(const float *row, int w, const float *kernel, int radius, float *restrict padded, float *restrict out)
{
  for (int i = -radius; i < w + radius; i++)
    padded[i + radius] = row[CLAMP(i, 0, w - 1)];
  memset(out, 0, sizeof *out * (gsize)w);
  for (int k = 0; k <= 2 * radius; k++)
    for (int i = 0; i < w; i++)
      out[i] += kernel[k] * padded[i + k];
}

void
cbigan_blur(float *x, int w, int h, double sigma)
{
  const int radius = (int)ceil(3.0 * sigma);
  if (radius < 1)
    return;
  g_autofree float *kernel = g_new(float, 2 * radius + 1);
  g_autofree float *scratch = g_new(float, (gsize)w *(gsize)h);
  g_autofree float *padded = g_new(float, w + 2 * radius);
  float sum = 0.0f;
  for (int k = -radius; k <= radius; k++)
    sum += kernel[k + radius] = expf((float)(-0.5 * k * k / (sigma * sigma)));
  for (int k = 0; k <= 2 * radius; k++)
    kernel[k] /= sum;
  blur_down(x, w, h, kernel, radius, scratch);
  for (int row = 0; row < h; row++)
    blur_along(scratch + (gsize)row * (gsize)w, w, kernel, radius, padded, x + (gsize)row * (gsize)w);
}
