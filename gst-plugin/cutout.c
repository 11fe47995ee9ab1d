/* cutout.c - how much of a picture the model's frame shows, for pictures that are scored in cutouts
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cutout.h"

#include <math.h>
#include <stdio.h>

#include "i18n.h"

#define MOST_SIDE 32768
#define MOST_PIXELS (1 << 27) /* of the resized picture: 8192 x 16384 */

gboolean
cbigan_cutout_parse(const char *text, CbiganCutout *cutout, GError **error)
{
  char tail;
  *cutout = (CbiganCutout){ 0, 0 };
  if (g_str_equal(text, "model"))
    return TRUE;
  if (sscanf(text, "%6dx%6d%c", &cutout->width, &cutout->height, &tail) == 2 && cutout->width > 0 && cutout->height > 0)
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
              _("cutout: “%s”; expected WIDTHxHEIGHT in pixels of the picture, or model"), text);
  return FALSE;
}

/* Along an axis. */
static gint64
resized(int picture, int part, int frame)
{
  const gint64 side = part ? ((gint64)picture * frame + part / 2) / part : picture;
  return MAX(side, frame);
}

gboolean
cbigan_cutout_resize(const CbiganCutout *cutout, int frame_width, int frame_height, int width, int height,
                     int *to_width, int *to_height, GError **error)
{
  const gint64 w = resized(width, cutout->width, frame_width), h = resized(height, cutout->height, frame_height);
  if (w > MOST_SIDE || h > MOST_SIDE || w * h > MOST_PIXELS) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                _("cutout of %dx%d pixels: a picture of %dx%d would be enlarged too far; expected a larger cutout"),
                cutout->width, cutout->height, width, height);
    return FALSE;
  }
  *to_width = (int)w;
  *to_height = (int)h;
  return TRUE;
}

CbiganFrame
cbigan_cutout_choose(const CbiganFrame *picture, int width, int height, guint number)
{
  CbiganFrame part = *picture;
  if (!width)
    return part;
  const double across = fmod(number * 0.618, 1), down = fmod(number * 0.382 + 0.5, 1);
  part.data +=
      (gsize)((picture->height - height) * down) * picture->stride + 3 * (gsize)((picture->width - width) * across);
  part.width = width;
  part.height = height;
  return part;
}

double
cbigan_cutout_parts(const CbiganFrame *picture, int width, int height)
{
  return width ? (double)picture->width * picture->height / ((double)width * height) : 1;
}
