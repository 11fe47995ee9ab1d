/* align.h - pictures of parts that lie at any angle, turned upright
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/dataset.h"
#include "score/inspector/pose.h"

G_BEGIN_DECLS

typedef enum { CBIGAN_ALIGN_AUTO, CBIGAN_ALIGN_ON, CBIGAN_ALIGN_OFF } CbiganAlign;

/* Whether the parts in good pictures of one size should be turned. */
gboolean cbigan_align_is_needed(const CbiganDataset *pictures, CbiganAlign align);
/* The same pictures with their parts upright; pose: how, clear it with cbigan_pose_clear(). Free with
 * cbigan_dataset_free(). NULL: no memory. */
CbiganDataset *cbigan_align_pictures(const CbiganDataset *pictures, CbiganPose *pose, GError **error);

G_END_DECLS
