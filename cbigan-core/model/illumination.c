/* illumination.c - the light that a frame was taken in, and how it is compensated
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "illumination.h"

void
cbigan_light_histogram(const CbiganFrame *frame, int first, int end, guint64 histogram[256])
{
  guint32 parts[4 * 256] = { 0 }; /* four histograms: equal neighbouring bytes then do not wait for one counter */
  const gsize n = 3 * (gsize)frame->width;
  for (int y = first; y < end; y++) {
    const guint8 *row = frame->data + (gsize)y * frame->stride;
    gsize i = 0;
    for (; i + 4 <= n; i += 4)
      for (int k = 0; k < 4; k++)
        parts[256 * k + row[i + (gsize)k]]++;
    for (; i < n; i++)
      parts[row[i]]++;
  }
  for (int i = 0; i < 4 * 256; i++)
    histogram[i % 256] += parts[i];
}

double
cbigan_light_quantile(const guint64 histogram[256], double share)
{
  double n = 0.0, before = 0.0;
  for (int v = 0; v < 256; v++)
    n += (double)histogram[v];
  int v = 0;
  while (v < 255 && before + (double)histogram[v] <= share * n)
    before += (double)histogram[v++];
  double value = v - 0.5 + (histogram[v] ? (share * n - before) / (double)histogram[v] : 0.0);
  return CLAMP(value, 0.0, 255.0) / 127.5 - 1.0;
}

CbiganLight
cbigan_light_compensation(const guint64 histogram[256], CbiganLightTarget target)
{
  const double low = cbigan_light_quantile(histogram, CBIGAN_LIGHT_LOW);
  const double median = cbigan_light_quantile(histogram, CBIGAN_LIGHT_MEDIAN);
  const double contrast = MAX(median - low, 1e-6);
  const double gain = CLAMP((target.median - target.low) / contrast, 3.0 / 4.0, 4.0 / 3.0);
  return (CbiganLight){ (float)gain, (float)(target.median - gain * median) };
}
