/* still_decoder.h - a still picture in memory to raw video; inside picture_reader.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "still.h"
#include <gst/gst.h>

G_BEGIN_DECLS

/* Page `page` of a file that cbigan_still_scan() has passed, as raw video (transfer full). PNG, JPEG and WebP are
 * decoded by GStreamer's elements in the caller's thread, so nothing is waited for; the others by gdk-pixbuf. data is
 * changed where a TIFF has several pages. NULL with CBIGAN_ERROR_FILE, also where the decoder has warned of damage. */
GstSample *cbigan_still_decode(guint8 *data, const CbiganStill *still, guint page, GError **error);

/* Inside. The first and the last are built only where gdk-pixbuf or libjpeg was found. Without them,
 * cbigan_pixbuf_decode() refuses every picture with the name of the package that is missing, and cbigan_jpeg_check()
 * accepts every one. */
GstSample *cbigan_pixbuf_decode(const guint8 *data, gsize size, const char *format, GError **error);
gboolean cbigan_png_check(const guint8 *data, const CbiganStill *still, GError **error);
gboolean cbigan_jpeg_check(const guint8 *data, gsize size, GError **error);

G_END_DECLS
