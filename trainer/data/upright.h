/* upright.h - turns a frame as EXIF's orientation says; inside picture_reader.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

/* Takes a sample of raw video. The same one for orientation 1, else a new one of RGB (transfer full). NULL with
 * CBIGAN_ERROR_FILE where it can't be converted to RGB or there is no memory. orientation: 1 to 8. */
GstSample *cbigan_upright(GstSample *sample, int orientation, GError **error);

G_END_DECLS
