/* file_source.h - a source element for one file that tells whether it is reading; inside playback.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

/* Opens a regular file for reading. -1 with CBIGAN_ERROR_FILE where it is none, or can't be opened. Doesn't wait,
 * whatever `path` is. *size: bytes. */
int cbigan_file_open(const char *path, gsize *size, GError **error);

/* Takes `fd`, and closes it when the element is freed. */
GstElement *cbigan_file_source_new(int fd, gsize size);
/* Reads that are done. *reading: one is under way. */
guint cbigan_file_source_progress(GstElement *source, gboolean *reading);

G_END_DECLS
