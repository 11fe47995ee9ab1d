/* logarithms.h - a surface's pixels to their level and two planes of colour
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* n pixels, given by logarithms r, g, b that lie `plane` apart -> n numbers each */
void cbigan_level_and_colours(const float *rgb, gsize plane, int n, float *level, float *red, float *blue);
/* n pixels of 3 bytes; curve (256): the logarithm of each byte */
void cbigan_read_level_and_colours(const float *curve, const guint8 *bytes, int n, float *level, float *red,
                                   float *blue);

G_END_DECLS
