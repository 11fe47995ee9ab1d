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
cbigan_surface_shift(const CbiganSurfaceLight *light, const CbiganFrame *frame)
{
  float quartiles[CBIGAN_LIGHT_QUARTILES];
  double shift = 0.0;
  if (!light || !light->known)
    return 0.0;
  cbigan_surface_quartiles(frame, quartiles);
  for (int i = 0; i < CBIGAN_LIGHT_QUARTILES; i++)
    shift += (double)light->weights[i] * (quartiles[i] - light->quartiles[i]);
  return CLAMP(shift, -CBIGAN_LIGHT_LARGEST_SHIFT, CBIGAN_LIGHT_LARGEST_SHIFT);
}
