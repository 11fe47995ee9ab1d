/* picture_queue.c - pictures that wait to be encoded as JPEG
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "picture_queue.h"

#include <gst/video/video.h>

#include "i18n.h"

#define MOST 8 /* pictures, which may be large */
#define ENCODE_LIMIT (5 * GST_SECOND)

struct _CbiganPictureQueue {
  GMutex lock;
  GQueue pictures; /* of CbiganQueuedPicture, under the lock */
};

static void
picture_free(CbiganQueuedPicture *self)
{
  g_free(self->topic);
  g_free(self->reference);
  gst_sample_unref(self->sample);
  g_free(self);
}

CbiganPictureQueue *
cbigan_picture_queue_new(void)
{
  CbiganPictureQueue *self = g_new0(CbiganPictureQueue, 1);
  g_mutex_init(&self->lock);
  return self;
}

void
cbigan_picture_queue_free(CbiganPictureQueue *self)
{
  g_queue_clear_full(&self->pictures, (GDestroyNotify)picture_free);
  g_mutex_clear(&self->lock);
  g_free(self);
}

gboolean
cbigan_picture_queue_push(CbiganPictureQueue *self, const char *topic, const char *reference, GstSample *picture)
{
  g_mutex_lock(&self->lock);
  const gboolean takes = g_queue_get_length(&self->pictures) < MOST;
  if (takes) {
    CbiganQueuedPicture *entry = g_new0(CbiganQueuedPicture, 1);
    *entry = (CbiganQueuedPicture){ g_strdup(topic), g_strdup(reference), gst_sample_ref(picture) };
    g_queue_push_tail(&self->pictures, entry);
  }
  g_mutex_unlock(&self->lock);
  return takes;
}

gboolean
cbigan_picture_queue_is_empty(CbiganPictureQueue *self)
{
  g_mutex_lock(&self->lock);
  const gboolean is_empty = g_queue_is_empty(&self->pictures);
  g_mutex_unlock(&self->lock);
  return is_empty;
}

static void
encode(const CbiganQueuedPicture *picture, CbiganEncodedFunc func, gpointer data)
{
  g_autoptr(GstCaps) caps = gst_caps_new_empty_simple("image/jpeg");
  g_autoptr(GError) error = NULL;
  g_autoptr(GstSample) jpeg = gst_video_convert_sample(picture->sample, caps, ENCODE_LIMIT, &error);
  GstMapInfo map;
  if (jpeg && gst_buffer_map(gst_sample_get_buffer(jpeg), &map, GST_MAP_READ)) {
    func(picture, g_bytes_new(map.data, map.size), NULL, data);
    gst_buffer_unmap(gst_sample_get_buffer(jpeg), &map);
  } else {
    func(picture, NULL, error ? error->message : _("a picture can't be read"), data);
  }
}

void
cbigan_picture_queue_encode(CbiganPictureQueue *self, CbiganEncodedFunc func, gpointer data)
{
  for (;;) {
    g_mutex_lock(&self->lock);
    CbiganQueuedPicture *picture = g_queue_pop_head(&self->pictures);
    g_mutex_unlock(&self->lock);
    if (!picture)
      return;
    encode(picture, func, data);
    picture_free(picture);
  }
}
