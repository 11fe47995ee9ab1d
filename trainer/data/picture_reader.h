/* picture_reader.h - pictures out of GStreamer pipelines; inside dataset.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "dataset.h"
#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _CbiganPictureReader CbiganPictureReader;

/* width, height: pictures are resized to this; 0 x 0: as they are. originals: fill CbiganPicture.original. */
CbiganPictureReader *cbigan_picture_reader_new(int width, int height, gboolean originals);
void cbigan_picture_reader_free(CbiganPictureReader *self);

/* All pictures of a file (frame 2 and later of a video are named "FILE, frame 2"), at most `limit` (0 = all). *n counts
 * those that func has taken. FALSE with func's error, or CBIGAN_ERROR_FILE when the file can't be decoded or has none.
 */
gboolean cbigan_picture_reader_file(CbiganPictureReader *self, const char *path, guint limit, CbiganPictureFunc func,
                                    gpointer data, guint *n, GError **error);
/* The same from a launch description that ends in raw video; pictures are named "frame 1" and so on. A description that
 * can't be parsed is a CBIGAN_ERROR_ARGUMENT. */
gboolean cbigan_picture_reader_pipeline(CbiganPictureReader *self, const char *description, guint limit,
                                        CbiganPictureFunc func, gpointer data, guint *n, GError **error);

/* Whether a file should be read as a picture or video, from its first bytes, or else from its name (then it is
 * damaged, which reading it will tell). Tables, notes and the like are neither. */
gboolean cbigan_is_picture(const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganPictureReader, cbigan_picture_reader_free)

G_END_DECLS
