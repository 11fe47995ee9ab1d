/* tiling.h - the patches that cover a frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The fewest patches that cover every pixel: ceil(length / side) per axis, spread evenly, the last one flush with the
 * border. They overlap where the length is no multiple of the side. CbiganFrameTiling (backend.h) numbers them row by
 * row.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* Fills all but the corners, which stay NULL. FALSE with CBIGAN_ERROR_FRAME for a frame smaller than a patch. */
gboolean cbigan_tiling_init(CbiganFrameTiling *self, int width, int height, int side, GError **error);
/* Corner of patch i of n along one axis, in pixels: 0 for the first, length - side for the last */
int cbigan_tiling_corner(int i, int n, int length, int side);
/* corners (columns + rows) on the host: the left sides of the columns, then the upper sides of the rows, in pixels. */
void cbigan_tiling_corners(const CbiganFrameTiling *self, float *corners);

/* The batch that wastes least: 1..64 patches, a divisor of the patches of a model's frame; native frames: 8. */
int cbigan_tiling_batch(const CbiganModelInfo *info);
/* FALSE with CBIGAN_ERROR_FRAME: the frame has no pixels, or its rows are too short. */
gboolean cbigan_frame_check(const CbiganFrame *frame, GError **error);
/* TRUE if the frame has the model's size and a valid stride, and lies in host memory or may lie on the device; else
 * FALSE with CBIGAN_ERROR_FRAME. */
gboolean cbigan_tiling_check(const CbiganModelInfo *info, const CbiganFrame *frame, gboolean on_device, GError **error);

static inline int
cbigan_tiling_patches(const CbiganFrameTiling *self)
{
  return self->columns * self->rows;
}

G_END_DECLS
