/* crop.c - patches of 8-bit frames as numbers, in the frame's own light or in that of the training pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Any backend in host memory can use this file. cbigan_backend_each() shares its loops among threads, and channels_last
 * tells the order of values.
 */
#include "multiversion.h"
#include "reference.h"

typedef struct {
  const CbiganFrame *frame;
  guint64 histogram[256];
  GMutex lock; /* of the histogram */
} Count;

static void
count_rows(gpointer data, int first, int end)
{
  Count *count = data;
  guint64 histogram[256] = { 0 };
  cbigan_light_histogram(count->frame, first, end, histogram);
  g_mutex_lock(&count->lock);
  for (int v = 0; v < 256; v++)
    count->histogram[v] += histogram[v];
  g_mutex_unlock(&count->lock);
}

static CbiganLight
find_light(CbiganBackend *self, const CbiganFrame *frame, CbiganLightTarget target)
{
  Count count = { .frame = frame };
  g_mutex_init(&count.lock);
  cbigan_backend_each(self, frame->height, 3 * (gsize)frame->width * (gsize)frame->height, count_rows, &count);
  g_mutex_clear(&count.lock);
  return cbigan_light_compensation(count.histogram, target);
}

/* Bytes `step` apart -> out (n) */
CBIGAN_WIDE static void
convert(const guint8 *restrict pixels, int n, int step, float gain, float shift, float *restrict out)
{
  if (step == 1)
    for (int i = 0; i < n; i++)
      out[i] = gain * (pixels[i] / 127.5f - 1.0f) + shift;
  else
    for (int i = 0; i < n; i++)
      out[i] = gain * (pixels[i * step] / 127.5f - 1.0f) + shift;
}

typedef struct {
  const CbiganFrames *frames;
  const CbiganFrameTiling *tiling;
  int first, n; /* patches of each frame */
  gboolean lit, channels_last;
  float *x;
} Crop;

static void
crop_rows(gpointer data, int first, int end) /* rows of all patches of all frames */
{
  const Crop *crop = data;
  const CbiganFrameTiling *t = crop->tiling;
  const int side = t->side;
  for (int i = first; i < end; i++) {
    const int sample = i / side, y = i % side, frame = sample / crop->n, patch = crop->first + sample % crop->n;
    const CbiganFrame *f = &crop->frames->frames[frame];
    const CbiganLight light = crop->lit ? crop->frames->light[frame] : (CbiganLight){ 1.0f, 0.0f };
    const gsize plane = (gsize)side * side, top = (gsize)t->down[patch / t->columns] + (gsize)y;
    const guint8 *pixels = f->data + top * f->stride + 3 * (gsize)t->across[patch % t->columns];
    float *x = crop->x + (gsize)sample * 3 * plane;
    if (crop->channels_last) /* R, G, B lie side by side in both */
      convert(pixels, 3 * side, 1, light.gain, light.shift, x + (gsize)y * 3 * side);
    else
      for (int c = 0; c < 3; c++)
        convert(pixels + c, side, 3, light.gain, light.shift, x + (gsize)c * plane + (gsize)y * side);
  }
}

void
cbigan_reference_crop(CbiganBackend *self, CbiganFrames *frames, int n_frames, const CbiganFrameTiling *tiling,
                      int first, int n, const CbiganLightTarget *light, float *x)
{
  Crop crop = { frames, tiling, first, n, light != NULL, self->channels_last, x };
  const int samples = n_frames * n;
  for (int i = 0; light && first == 0 && i < n_frames; i++)
    frames->light[i] = find_light(self, &frames->frames[i], *light);
  cbigan_backend_each(self, samples * tiling->side, (gsize)samples * 3 * (gsize)(tiling->side * tiling->side),
                      crop_rows, &crop);
}
