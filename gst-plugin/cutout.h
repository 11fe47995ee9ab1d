/* cutout.h - how much of a picture the model's frame shows, for pictures that are scored in cutouts
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The picture is resized once, so that a part of the wanted size gets the size of the model's frame. The core cuts the
 * resized picture: cbigan_scorer_set_cutouts().
 */
#pragma once
#include <cbigan.h>

G_BEGIN_DECLS

/* A part of a picture, in pixels before resizing. 0 x 0 = as large as the model's frame */
typedef struct {
  int width, height;
} CbiganCutout;

/* text: "512x384" or "model". FALSE with CBIGAN_ERROR_ARGUMENT. */
gboolean cbigan_cutout_parse(const char *text, CbiganCutout *cutout, GError **error);
/* The size of the resized picture. width, height: of the picture. It is at least the model's frame, to which a smaller
 * picture is stretched; the model has a frame size. FALSE with CBIGAN_ERROR_FRAME where it would have too many pixels.
 */
gboolean cbigan_cutout_resize(const CbiganCutout *cutout, int frame_width, int frame_height, int width, int height,
                              int *to_width, int *to_height, GError **error);
/* A part of that size of the resized picture, for each number at another place: to calibrate with. The pixels belong to
 * the picture, which has at least that size. width 0: all of it. */
CbiganFrame cbigan_cutout_choose(const CbiganFrame *picture, int width, int height, guint number);
/* How many parts of that size a picture has room for, side by side. Each may raise an alarm. width 0: 1 */
double cbigan_cutout_parts(const CbiganFrame *picture, int width, int height);

G_END_DECLS
