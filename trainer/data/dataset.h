/* dataset.h - pictures for training and evaluation, read through GStreamer pipelines
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "picture.h"

G_BEGIN_DECLS

typedef struct {
  GPtrArray *pictures; /* of CbiganPicture */
  char *digest;        /* SHA-256 over all pixels, labels and sizes, hexadecimal: goes into the model's provenance */
} CbiganDataset;

/* Calls func with one picture after the other, in this thread; a thread of its own reads the next ones meanwhile, so
 * many as fit into 64 MiB. FALSE with func's error, or as below. */
gboolean cbigan_dataset_foreach(const CbiganDatasetOptions *options, CbiganPictureFunc func, gpointer func_data,
                                GError **error);
/* At least one picture, or NULL with an error that names the folder and what was found there. Pixels beyond
 * options->memory lie in a file without a name in $TMPDIR or /var/tmp, and are read from there as they are needed. */
CbiganDataset *cbigan_dataset_load(const CbiganDatasetOptions *options, GError **error);
void cbigan_dataset_free(CbiganDataset *dataset);
/* Divides n pictures into those to train on and, in the last n_held_out places, those held out for the calibration: at
 * most half of them, or 4. order: [n], the place of each picture. Neighbours are held out together: frames of a video
 * resemble the frames beside them, and next to one that was trained on, a picture looks better than another day's. */
void cbigan_dataset_hold_out(guint n, guint n_held_out, guint64 seed, guint *order);
static inline const CbiganPicture *
cbigan_dataset_get(const CbiganDataset *dataset, guint i)
{
  return (const CbiganPicture *)g_ptr_array_index(dataset->pictures, i);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganDataset, cbigan_dataset_free)

G_END_DECLS
