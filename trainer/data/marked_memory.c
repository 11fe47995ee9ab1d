/* marked_memory.c - memory whose every byte tells whether a decoder has written it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A row that is still what it was before has not been written: no picture's row is equal to random numbers. Rows of a
 * few pixels are taken for written, as those might be.
 */
#include "marked_memory.h"
#include <gst/video/video.h>
#include <string.h>

#define MARKS 4096
#define LEAST 4 /* bytes of a row from which on chance is ruled out */

typedef GstAllocator MarkedAllocator;
typedef GstAllocatorClass MarkedAllocatorClass;

static GType marked_allocator_get_type(void);
G_DEFINE_TYPE(MarkedAllocator, marked_allocator, GST_TYPE_ALLOCATOR)

static const guint8 *
marks(void)
{
  static guint8 bytes[MARKS];
  static gsize made = 0;

  if (g_once_init_enter(&made)) {
    for (guint i = 0; i < MARKS; i++)
      bytes[i] = (guint8)g_random_int_range(0, 256);
    g_once_init_leave(&made, 1);
  }
  return bytes;
}

static GstMemory *
allocate(GstAllocator *self, gsize size, GstAllocationParams *params)
{
  GstMemory *memory = gst_allocator_alloc(NULL, size, params);
  GstMapInfo map;

  if (!memory || !gst_memory_map(memory, &map, GST_MAP_WRITE))
    return memory;
  for (gsize at = 0; at < map.size; at += MARKS)
    memcpy(map.data + at, marks(), MIN(MARKS, map.size - at));
  gst_memory_unmap(memory, &map);
  return memory;
}

static void
marked_allocator_class_init(MarkedAllocatorClass *allocator_class)
{
  allocator_class->alloc = allocate;
}

static void
marked_allocator_init(MarkedAllocator *self)
{
  GST_OBJECT_FLAG_SET(self, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

GstAllocator *
cbigan_marked_allocator_new(void)
{
  return gst_object_ref_sink(g_object_new(marked_allocator_get_type(), NULL));
}

gboolean
cbigan_marked_is_written(GstSample *sample)
{
  GstVideoInfo info;
  GstVideoFrame frame;
  const guint8 *row;
  gsize at, size;
  gboolean written = FALSE;

  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
      !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ))
    return FALSE;
  size = (gsize)GST_VIDEO_FRAME_COMP_WIDTH(&frame, 0) * (gsize)GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, 0);
  at = GST_VIDEO_FRAME_PLANE_OFFSET(&frame, 0) +
       (gsize)(GST_VIDEO_FRAME_COMP_HEIGHT(&frame, 0) - 1) * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
  row = (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) + at - GST_VIDEO_FRAME_PLANE_OFFSET(&frame, 0);
  for (gsize i = 0; i < size && !written; i++)
    written = row[i] != marks()[(at + i) % MARKS];
  gst_video_frame_unmap(&frame);
  return written || size < LEAST;
}
