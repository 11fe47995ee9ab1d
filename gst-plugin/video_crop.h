/* video_crop.h - the visible part of a buffer's picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A buffer may hold more pixels than are to be seen. Its GstVideoMeta then has the size of the whole picture, and its
 * GstVideoCropMeta the visible part; the caps have the size of the visible part. videocrop and decoders make such
 * buffers where the element after them says in the ALLOCATION query that it obeys GstVideoCropMeta.
 */
#pragma once
#include <gst/video/video.h>

G_BEGIN_DECLS

/* The visible part of a buffer's picture, in pixels of the whole picture. */
typedef struct {
  int x, y, width, height;
  int whole_width, whole_height;
} CbiganVideoPart;

/* Finds the visible part of the buffer's picture. info: of the caps. FALSE with CBIGAN_ERROR_FRAME: the metas
 * contradict each other, or the format has no place where the part could begin. */
gboolean cbigan_video_part_find(CbiganVideoPart *self, const GstVideoInfo *info, GstBuffer *buffer, GError **error);
/* Bytes from the begin of a plane, whose rows begin `stride` bytes apart, to the begin of the part. */
gssize cbigan_video_part_offset(const CbiganVideoPart *self, const GstVideoFormatInfo *format, guint plane, int stride);
/* Narrows a mapped frame to the part. Unmapping it works as ever. */
void cbigan_video_part_crop(const CbiganVideoPart *self, GstVideoFrame *frame);

/* Removes from an ALLOCATION query the metas that upstream elements would attach in place of changing pixels, and that
 * an element with this video does not obey. GstVideoCropMeta stays where cbigan_video_part_find() can obey it. */
void cbigan_allocation_remove_metas(GstQuery *query);

G_END_DECLS
