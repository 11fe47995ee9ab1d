/* pixbuf_missing.c - in the place of pixbuf_decoder.c where gdk-pixbuf was not found
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cbigan.h"
#include "i18n.h"
#include "still_decoder.h"

GstSample *
cbigan_pixbuf_decode(const guint8 *data, gsize size, const char *format, GError **error)
{
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
              _("this %s needs gdk-pixbuf, which cbigan was built without (Debian: the package libgdk-pixbuf-2.0-dev)"),
              format);
  return NULL;
}
