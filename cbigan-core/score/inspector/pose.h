/* pose.h - where a part lies in a frame, and at which angle; and the same part upright
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The part is what differs from the frame's border. Its main axis gives the angle, the wider end the direction, and a
 * comparison with the mean upright part makes both exact.
 */
#pragma once
#include "backend/backend.h"
#include "model/model.h"

G_BEGIN_DECLS

/* Where a part lies in one frame. */
typedef struct {
  double x, y;       /* its centre, pixels */
  double angle;      /* of its main axis, radians */
  double elongation; /* length by width, 1 or more */
} CbiganPlacement;

/* Whether parts lie at angles so different that they should be turned upright: all are long, and their angles spread.
 */
gboolean cbigan_pose_is_needed(const CbiganFrame *frames, guint n);
/* Fills pose from good frames of one size. Clear it with cbigan_pose_clear(). */
void cbigan_pose_learn(CbiganPose *self, const CbiganFrame *frames, guint n);
void cbigan_pose_clear(CbiganPose *self);

/* Where the part of a frame lies, compared with the mean upright part. The frame has the pose's size. backend: it keeps
 * a lack of memory (cbigan_backend_scratch()); NULL: as there */
CbiganPlacement cbigan_pose_find(CbiganBackend *backend, const CbiganPose *self, const CbiganFrame *frame);
/* The part upright -> pixels (h, w, 3) */
void cbigan_pose_cut(const CbiganPose *self, const CbiganPlacement *placement, const CbiganFrame *frame,
                     guint8 *pixels);
/* counts (frame_h, frame_w): 0 or 1 -> of the upright part (h, w), for g_free(). NULL: no memory, which the backend
 * keeps */
guint8 *cbigan_pose_cut_counts(CbiganBackend *backend, const CbiganPose *self, const CbiganPlacement *placement,
                               const guint8 *counts);
/* A map of the upright part (h, w) -> map of the frame (frame_h, frame_w); 0 beside the part */
void cbigan_pose_lay_back(const CbiganPose *self, const CbiganPlacement *placement, const float *upright, float *map);

G_END_DECLS
