/* align.c - pictures of parts that lie at any angle, turned upright
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "align.h"

#include "model/error.h"

#define FINDING 8 /* floats per pixel */

static CbiganFrame *
frames_of(const CbiganDataset *pictures)
{
  CbiganFrame *frames = g_new(CbiganFrame, pictures->pictures->len);
  for (guint i = 0; i < pictures->pictures->len; i++)
    frames[i] = cbigan_picture_frame(cbigan_dataset_get(pictures, i));
  return frames;
}

gboolean
cbigan_align_is_needed(const CbiganDataset *pictures, CbiganAlign align)
{
  g_autofree CbiganFrame *frames = frames_of(pictures);
  return align == CBIGAN_ALIGN_ON ||
         (align == CBIGAN_ALIGN_AUTO && cbigan_pose_is_needed(frames, pictures->pictures->len));
}

/* Whether memory can be had for what finding and learning a pose takes per pixel: grey and blurred, and an upright
 * mean.
 */
static gboolean
try_poses(const CbiganFrame *frames, guint n, GError **error)
{
  gsize most = 0;
  for (guint i = 0; i < n; i++)
    most = MAX(most, (gsize)frames[i].width * (gsize)frames[i].height);
  return cbigan_try_room(FINDING * most, sizeof(float), error);
}

CbiganDataset *
cbigan_align_pictures(const CbiganDataset *pictures, CbiganPose *pose, GError **error)
{
  const guint n = pictures->pictures->len;
  g_autofree CbiganFrame *frames = frames_of(pictures);
  g_autoptr(CbiganDataset) upright = g_new0(CbiganDataset, 1);
  if (!try_poses(frames, n, error))
    return NULL;
  cbigan_pose_learn(pose, frames, n);
  upright->pictures = g_ptr_array_new_with_free_func((GDestroyNotify)cbigan_picture_free);
  upright->digest = g_strdup(pictures->digest);
  for (guint i = 0; i < n; i++) {
    const CbiganPicture *from = cbigan_dataset_get(pictures, i);
    const CbiganPlacement placement = cbigan_pose_find(NULL, pose, &frames[i]);
    g_autoptr(CbiganPicture) to = g_new0(CbiganPicture, 1);
    to->path = g_strdup(from->path);
    to->label = g_strdup(from->label);
    to->width = pose->w;
    to->height = pose->h;
    if (!(to->pixels = cbigan_try_new(guint8, 3 * (gsize)pose->w * (gsize)pose->h, error)))
      return NULL;
    cbigan_pose_cut(pose, &placement, &frames[i], to->pixels);
    g_ptr_array_add(upright->pictures, g_steal_pointer(&to));
  }
  return g_steal_pointer(&upright);
}
