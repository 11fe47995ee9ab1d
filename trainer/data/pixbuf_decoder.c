/* pixbuf_decoder.c - still pictures by gdk-pixbuf
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cbigan.h"
#include "still_decoder.h"
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <gst/video/video.h>

/* Raw video that lies in the pixbuf's own memory. */
static GstSample *
wrap(GdkPixbuf *pixbuf)
{
  GstVideoInfo info;
  g_autoptr(GstCaps) caps = NULL;
  g_autoptr(GstBuffer) buffer = NULL;
  gsize offset[GST_VIDEO_MAX_PLANES] = { 0 };
  gint stride[GST_VIDEO_MAX_PLANES] = { gdk_pixbuf_get_rowstride(pixbuf) };
  guint width = (guint)gdk_pixbuf_get_width(pixbuf), height = (guint)gdk_pixbuf_get_height(pixbuf);
  gsize size = gdk_pixbuf_get_byte_length(pixbuf);
  GstVideoFormat format = gdk_pixbuf_get_has_alpha(pixbuf) ? GST_VIDEO_FORMAT_RGBA : GST_VIDEO_FORMAT_RGB;

  gst_video_info_set_format(&info, format, width, height);
  caps = gst_video_info_to_caps(&info);
  buffer = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, gdk_pixbuf_get_pixels(pixbuf), size, 0, size,
                                       g_object_ref(pixbuf), g_object_unref);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, format, width, height, 1, offset, stride);
  return gst_sample_new(buffer, caps, NULL, NULL);
}

GstSample *
cbigan_pixbuf_decode(const guint8 *data, gsize size, const char *format, GError **error)
{
  g_autoptr(GError) reason = NULL;
  g_autoptr(GdkPixbufLoader) loader = gdk_pixbuf_loader_new_with_type(format, &reason);
  gboolean fine = loader != NULL;
  GdkPixbuf *pixbuf;

  if (loader) {
    fine = gdk_pixbuf_loader_write(loader, data, size, &reason);
    fine = gdk_pixbuf_loader_close(loader, fine ? &reason : NULL) && fine;
  }
  pixbuf = fine ? gdk_pixbuf_loader_get_pixbuf(loader) : NULL;
  if (pixbuf)
    return wrap(pixbuf);
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "gdk-pixbuf: %s", reason ? reason->message : format);
  return NULL;
}
