/* picture_reader.h - pictures out of files and GStreamer pipelines; inside dataset.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "picture.h"

G_BEGIN_DECLS

typedef struct _CbiganPictureReader CbiganPictureReader;

/* options: width, height, originals, note and data count; kept until free. */
CbiganPictureReader *cbigan_picture_reader_new(const CbiganDatasetOptions *options);
void cbigan_picture_reader_free(CbiganPictureReader *self);

/* All pictures of a file (the second one and those behind it are named "FILE, frame 2"), at most `limit` (0 = all). *n
 * counts those that func has taken. FALSE with func's error, or CBIGAN_ERROR_FILE where the file is damaged, can't be
 * decoded here, or has no picture. */
gboolean cbigan_picture_reader_file(CbiganPictureReader *self, const char *path, guint limit, CbiganPictureFunc func,
                                    gpointer data, guint *n, GError **error);
/* The same from a launch description that ends in raw video; pictures are named "frame 1" and so on. A description that
 * can't be parsed is a CBIGAN_ERROR_ARGUMENT. */
gboolean cbigan_picture_reader_pipeline(CbiganPictureReader *self, const char *description, guint limit,
                                        CbiganPictureFunc func, gpointer data, guint *n, GError **error);

typedef enum {
  CBIGAN_FILE_PICTURE, /* or a video; or damaged, which reading it will tell */
  CBIGAN_FILE_HEATMAP, /* a heat map that `cbigan score` has written */
  CBIGAN_FILE_OTHER,   /* tables, notes and the like */
} CbiganFileKind;

/* What a regular file is, from its first bytes, or else from its name. */
CbiganFileKind cbigan_file_kind(const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganPictureReader, cbigan_picture_reader_free)

G_END_DECLS
