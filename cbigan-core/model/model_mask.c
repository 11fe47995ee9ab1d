/* model_mask.c - the mask of a model, and of its file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "model/model_mask.h"

#include "i18n.h"

void
cbigan_model_set_mask(CbiganModel *self, const CbiganMask *mask)
{
  const gsize n = mask->counts ? (gsize)mask->width * (gsize)mask->height : 0;
  guint8 *counts = n ? g_new(guint8, n) : NULL;
  float *numbers = n ? g_new(float, n) : NULL;
  for (gsize i = 0; i < n; i++) {
    counts[i] = mask->counts[i] != 0;
    numbers[i] = counts[i];
  }
  g_free((gpointer)self->info.mask.counts);
  g_free(self->mask);
  self->mask = numbers;
  self->info.mask = (CbiganMask){ counts, n ? mask->width : 0, n ? mask->height : 0 };
}

void
cbigan_mask_find_size(CbiganModelInfo *info, const CbiganTensor *tensor)
{
  if (!tensor || tensor->n_dims != 2)
    return;
  info->mask.width = info->frame_width ? info->frame_width : (int)CLAMP(tensor->dims[1], 1, G_MAXINT16);
  info->mask.height = info->frame_height ? info->frame_height : (int)CLAMP(tensor->dims[0], 1, G_MAXINT16);
}

static gboolean
check_size(const CbiganModelInfo *info, const char *name, GError **error)
{
  const CbiganMask *mask = &info->mask;
  return !mask->width || !info->frame_width ||
         (mask->width == info->frame_width && mask->height == info->frame_height) ||
         cbigan_format_error(error, name, _("mask of %dx%d pixels; expected the frame's %dx%d"), mask->width,
                             mask->height, info->frame_width, info->frame_height);
}

gboolean
cbigan_mask_check(const CbiganModel *m, const char *name, GError **error)
{
  const gsize n = (gsize)m->info.mask.width * (gsize)m->info.mask.height;
  gboolean any = n == 0;
  if (!check_size(&m->info, name, error))
    return FALSE;
  for (gsize i = 0; i < n; i++) {
    if (m->mask[i] != 0.0f && m->mask[i] != 1.0f)
      return cbigan_format_error(error, name, _("tensor “%s”: number %zu is %g; expected %s"), "mask", i,
                                 (double)m->mask[i], _("0 (ignored) or 1"));
    any = any || m->mask[i] == 1.0f;
  }
  return any || cbigan_format_error(error, name, _("tensor “mask” ignores every pixel; expected at least one 1"));
}

void
cbigan_mask_take(CbiganModel *m)
{
  const gsize n = (gsize)m->info.mask.width * (gsize)m->info.mask.height;
  guint8 *counts = n ? g_new(guint8, n) : NULL;
  for (gsize i = 0; i < n; i++)
    counts[i] = m->mask[i] != 0.0f;
  m->info.mask.counts = counts;
}
