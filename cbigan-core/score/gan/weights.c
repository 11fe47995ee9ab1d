/* weights.c - the weights of the maps' filters and of resampling
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "weights.h"

#include <math.h>

/* A Gaussian of 1 pixel at a patch of 64 (2 at 128), cut off at 3 sigma. high_pass: radius of the window */
static CbiganMapFilter
filter_of(int patch, int high_pass)
{
  const double sigma = patch / 64.0;
  CbiganMapFilter filter = { .high_pass = high_pass, .blur = CLAMP((int)ceil(3.0 * sigma), 1, CBIGAN_MAX_BLUR) };
  double sum = 0.0;
  for (int k = -filter.blur; k <= filter.blur; k++)
    sum += exp(-0.5 * k * k / (sigma * sigma));
  for (int k = -filter.blur; k <= filter.blur; k++)
    filter.kernel[k + filter.blur] = (float)(exp(-0.5 * k * k / (sigma * sigma)) / sum);
  return filter;
}

CbiganMapFilter
cbigan_error_map_filter(int patch)
{
  return filter_of(patch, 0);
}

CbiganMapFilter
cbigan_local_map_filter(int patch)
{
  return filter_of(patch, patch / 4);
}

void
cbigan_resampler_init(CbiganResampler *self, int from, int to)
{
  double scale = (double)from / to;
  int taps = from <= to ? 2 : from % to ? (int)ceil(scale) + 1 : from / to;
  *self = (CbiganResampler){ .from = from, .to = to, .taps = MIN(taps, from) };
  self->first = g_new(int, to);
  self->weight = g_new(float, (gsize)to * self->taps);
  for (int i = 0; i < to; i++) {
    double begin = i * scale, end = begin + scale; /* the output's extent in input samples */
    double centre = CLAMP(begin + 0.5 * scale - 0.5, 0.0, from - 1.0);
    self->first[i] = MIN((int)(from > to ? begin : centre), from - self->taps);
    for (int k = 0; k < self->taps; k++) {
      int sample = self->first[i] + k;
      double overlap = MIN(end, sample + 1.0) - MAX(begin, sample), nearness = 1.0 - fabs(centre - sample);
      self->weight[i * self->taps + k] = (float)MAX(from > to ? overlap / scale : nearness, 0.0);
    }
  }
}

void
cbigan_resampler_clear(CbiganResampler *self)
{
  g_clear_pointer(&self->first, g_free);
  g_clear_pointer(&self->weight, g_free);
}
