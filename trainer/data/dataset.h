/* dataset.h - pictures for training and evaluation, read through GStreamer pipelines
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

typedef struct {
  char *path;     /* file, or "frame 17" of a pipeline */
  char *label;    /* name of its folder: "good", "broken_small"; "" where there are no folders */
  guint8 *pixels; /* (height, width, 3) RGB, rows without padding */
  int width, height;
  guint8 *original; /* the same at its own size, (original_height, original_width, 3); NULL unless asked for */
  int original_width, original_height;
} CbiganPicture;

void cbigan_picture_free(CbiganPicture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganPicture, cbigan_picture_free)
/* Takes the picture; FALSE with an error ends the reading. */
typedef gboolean (*CbiganPictureFunc)(CbiganPicture *picture, gpointer data, GError **error);

typedef struct {
  const char *path; /* folder (searched with its sub-folders, sorted by name; ground_truth left out) or a file; or */
  const char *pipeline;                                   /* launch description that ends in raw video */
  int width, height;                                      /* resized to this; 0 x 0: as they are */
  gboolean originals;                                     /* fill CbiganPicture.original too */
  gboolean strict;                                        /* an unreadable picture is an error instead of a warning */
  guint limit;                                            /* at most so many pictures; 0 = all */
  void (*progress)(guint done, guint all, gpointer data); /* all = 0: unknown; may be NULL */
  void (*warning)(const char *message, gpointer data);    /* names the file that was skipped; may be NULL */
  gpointer data;
} CbiganDatasetOptions;

typedef struct {
  GPtrArray *pictures; /* of CbiganPicture */
  char *digest;        /* SHA-256 over all pixels, labels and sizes, hexadecimal: goes into the model's provenance */
} CbiganDataset;

/* Calls func with one picture after the other, so that any number of them fits in memory. FALSE as below. */
gboolean cbigan_dataset_foreach(const CbiganDatasetOptions *options, CbiganPictureFunc func, gpointer func_data,
                                GError **error);
/* At least one picture, or NULL with an error that names the folder and what was found there. */
CbiganDataset *cbigan_dataset_load(const CbiganDatasetOptions *options, GError **error);
void cbigan_dataset_free(CbiganDataset *dataset);
static inline const CbiganPicture *
cbigan_dataset_get(const CbiganDataset *dataset, guint i)
{
  return (const CbiganPicture *)g_ptr_array_index(dataset->pictures, i);
}
static inline CbiganFrame
cbigan_picture_frame(const CbiganPicture *picture)
{
  CbiganFrame frame = { picture->pixels, picture->width, picture->height, (gsize)picture->width * 3 };
  return frame;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganDataset, cbigan_dataset_free)

G_END_DECLS
