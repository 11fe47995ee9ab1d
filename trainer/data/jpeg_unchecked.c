/* jpeg_unchecked.c - in the place of jpeg_check.c where libjpeg was not found
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "still_decoder.h"

gboolean
cbigan_jpeg_check(const guint8 *data, gsize size, GError **error)
{
  return TRUE;
}
