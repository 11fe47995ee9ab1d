/* heatmap_file.h - writes a picture with its anomaly map drawn in as a PNG file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/dataset.h"

G_BEGIN_DECLS

/* Blends the coloured map over the picture at its own size (picture->original), and writes it to `path`. FALSE with
 * CBIGAN_ERROR_FILE. */
gboolean cbigan_heatmap_write(const CbiganPicture *picture, const CbiganResult *result, const char *path,
                              GError **error);

/* Writes RGB pixels (height, width, 3) as a PNG. Atomic. FALSE with CBIGAN_ERROR_FILE. */
gboolean cbigan_png_write(const guint8 *pixels, int width, int height, const char *path, GError **error);

G_END_DECLS
