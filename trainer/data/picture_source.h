/* picture_source.h - all pictures of a file, a folder or a pipeline, one after the other; inside dataset.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "picture.h"

G_BEGIN_DECLS

/* Calls func, and what the options name, in this thread. FALSE as cbigan_dataset_foreach(). */
gboolean cbigan_picture_source_read(const CbiganDatasetOptions *options, CbiganPictureFunc func, gpointer func_data,
                                    GError **error);

G_END_DECLS
