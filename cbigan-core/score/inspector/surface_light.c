/* surface_light.c - the light of a surface: grey levels that undo a gain and an offset of the whole picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "surface_light.h"

#include "exposure.h"
#include "histogram.h"
#include "model/illumination.h"

/* Pixels that are looked at: each so manieth, through all rows */
static gint64
find_step(const CbiganFrame *frame)
{
  return MAX((gint64)frame->width * frame->height / CBIGAN_LIGHT_PIXELS, 1);
}

static const guint8 *
pixel(const CbiganFrame *frame, gint64 i)
{
  return frame->data + (gsize)(i / frame->width) * frame->stride + 3 * (i % frame->width);
}

void
cbigan_surface_quartiles(const CbiganFrame *frame, float quartiles[CBIGAN_LIGHT_QUARTILES])
{
  const gint64 n = (gint64)frame->width * frame->height, every = find_step(frame);
  guint64 counts[3][256] = { 0 };
  for (gint64 i = 0; i < n; i += every) {
    const guint8 *p = pixel(frame, i);
    for (int c = 0; c < 3; c++)
      counts[c][p[c]]++;
  }
  for (int i = 0; i < CBIGAN_LIGHT_QUARTILES; i++)
    quartiles[i] = (float)(127.5 * (cbigan_light_quantile(counts[i / 3], 0.25 * (i % 3 + 1)) + 1.0));
}

double
cbigan_surface_relative_contrast(const CbiganFrame *frame, double *median)
{
  const gint64 n = (gint64)frame->width * frame->height, every = find_step(frame);
  CbiganHistogram counts = { .least = 0.0, .most = 256.0 };
  double grey[256];
  int held = 0;
  for (gint64 i = 0; i < n; i += every) {
    const guint8 *p = pixel(frame, i);
    grey[held++] = (p[0] + p[1] + p[2]) / 3.0;
    if (held == G_N_ELEMENTS(grey) || i + every >= n) {
      cbigan_histogram_add(&counts, grey, held);
      held = 0;
    }
  }
  *median = cbigan_histogram_quantile(&counts, 0.5);
  return (cbigan_histogram_quantile(&counts, 0.75) - cbigan_histogram_quantile(&counts, 0.25)) /
         (*median + CBIGAN_EXPOSURE_DARK);
}

/* By the relative contrast, which is brought between the two of good pictures */
static double
shift_by_contrast(const double contrast[2], const CbiganFrame *frame)
{
  double median;
  const double found = cbigan_surface_relative_contrast(frame, &median);
  return (median + CBIGAN_EXPOSURE_DARK) * (found / CLAMP(found, contrast[0], contrast[1]) - 1.0);
}

static double
shift_by_quartiles(const CbiganSurfaceLight *light, const CbiganFrame *frame)
{
  float quartiles[CBIGAN_LIGHT_QUARTILES];
  double shift = 0.0;
  cbigan_surface_quartiles(frame, quartiles);
  for (int i = 0; i < CBIGAN_LIGHT_QUARTILES; i++)
    shift += (double)light->weights[i] * (quartiles[i] - light->quartiles[i]);
  return shift;
}

double
cbigan_surface_shift(const CbiganSurfaceLight *light, const CbiganFrame *frame)
{
  double shift = 0.0;
  if (light && light->known)
    shift = shift_by_quartiles(light, frame);
  else if (light && light->contrast[0] > 0.0)
    shift = shift_by_contrast(light->contrast, frame);
  return CLAMP(shift, -CBIGAN_LIGHT_LARGEST_SHIFT, CBIGAN_LIGHT_LARGEST_SHIFT);
}
