/* picture.c - a picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "picture.h"
#include <sys/mman.h>

void
cbigan_picture_free(CbiganPicture *picture)
{
  if (!picture)
    return;
  g_free(picture->path);
  g_free(picture->label);
  if (picture->mapped)
    munmap(picture->pixels, picture->mapped);
  else
    g_free(picture->pixels);
  g_free(picture->original);
  g_free(picture);
}
