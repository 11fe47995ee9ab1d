/* tiling.c - the patches that cover a frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tiling.h"

#include "i18n.h"

int
cbigan_tiling_corner(int i, int n, int length, int side)
{
  return n == 1 ? 0 : (int)(((gint64)i * (length - side) + (n - 1) / 2) / (n - 1));
}

gboolean
cbigan_tiling_init(CbiganFrameTiling *self, int width, int height, int side, GError **error)
{
  if (width < side || height < side) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                _("the frame has %d x %d pixels, smaller than the model's patch of %d x %d"), width, height, side,
                side);
    return FALSE;
  }
  *self = (CbiganFrameTiling){ .width = width,
                               .height = height,
                               .side = side,
                               .columns = (width + side - 1) / side,
                               .rows = (height + side - 1) / side };
  return TRUE;
}

void
cbigan_tiling_corners(const CbiganFrameTiling *self, float *corners)
{
  for (int i = 0; i < self->columns; i++)
    corners[i] = (float)cbigan_tiling_corner(i, self->columns, self->width, self->side);
  for (int i = 0; i < self->rows; i++)
    corners[self->columns + i] = (float)cbigan_tiling_corner(i, self->rows, self->height, self->side);
}

/* 64 fill the lanes of four threads with 16 lanes each. */
#define MOST 64

int
cbigan_tiling_batch(const CbiganModelInfo *info)
{
  if (!info->frame_width)
    return 8;
  int n =
      ((info->frame_width + info->patch - 1) / info->patch) * ((info->frame_height + info->patch - 1) / info->patch);
  int batches = (n + MOST - 1) / MOST;
  return MAX((n + batches - 1) / batches, 1);
}

gboolean
cbigan_frame_check(const CbiganFrame *frame, GError **error)
{
  if (frame->width > 0 && frame->height > 0 && frame->data && frame->stride >= 3 * (gsize)frame->width)
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
              _("a frame of %d x %d pixels with rows of %zu bytes; expected at least 3 bytes per pixel"), frame->width,
              frame->height, frame->stride);
  return FALSE;
}

gboolean
cbigan_tiling_check(const CbiganModelInfo *info, const CbiganFrame *frame, gboolean on_device, GError **error)
{
  if (info->frame_width && (frame->width != info->frame_width || frame->height != info->frame_height)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME, _("the frame has %d x %d pixels, the model wants %d x %d"),
                frame->width, frame->height, info->frame_width, info->frame_height);
    return FALSE;
  }
  if (!cbigan_frame_check(frame, error))
    return FALSE;
  if (!frame->on_device || on_device)
    return TRUE;
  g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                      _("the frame is in a GPU's memory; expected host memory"));
  return FALSE;
}
