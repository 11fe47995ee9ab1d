/* score_snapshot.c - the action signal `snapshot`: the next scored frame as a PNG, beside it the same with its map
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The thread that scores only takes references. Another thread converts, draws and writes, and then tells the bus.
 */
#include <cairo.h>
#include <string.h>

#include "i18n.h"
#include "overlay_drawing.h"
#include "score_element.h"
#include "video_input.h"

/* A frame on its way to a file. */
typedef struct {
  char *location;
  GstBuffer *buffer;
  GstVideoInfo info;
  CbiganVideoPart part;
  GstSample *heatmap; /* NULL = none */
  GstClockTime timestamp;
} Snapshot;

static void
snapshot_free(Snapshot *self)
{
  g_free(self->location);
  gst_clear_buffer(&self->buffer);
  g_clear_pointer(&self->heatmap, gst_sample_unref);
  g_free(self);
}

/* --- the picture -------------------------------------------------------------------------------------------------- */

/* The visible part as a surface (transfer full); NULL with an error. */
static cairo_surface_t *
draw_frame(const Snapshot *self, GError **error)
{
  GstVideoInfo info = self->info;
  GstVideoFrame frame;
  int w, h;
  gsize stride;
  info.width = self->part.width;
  info.height = self->part.height;
  g_autoptr(CbiganVideoInput) input = cbigan_video_input_new(&info, 0, 0, error);
  if (!input)
    return NULL;
  if (!gst_video_frame_map(&frame, &self->info, self->buffer, GST_MAP_READ)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME, _("the frame can't be read; expected one in system memory"));
    return NULL;
  }
  cbigan_video_part_crop(&self->part, &frame);
  const guint8 *rgb = cbigan_video_input_convert(input, &frame, &w, &h, &stride);
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
  guint8 *pixels = cairo_image_surface_get_data(surface);
  for (int y = 0; pixels && y < h; y++)
    for (int x = 0; x < w; x++) {
      const guint8 *from = rgb + (gsize)y * stride + 3 * (gsize)x;
      const guint32 pixel = (guint32)from[0] << 16 | (guint32)from[1] << 8 | from[2];
      memcpy(pixels + (gsize)y * (gsize)cairo_image_surface_get_stride(surface) + 4 * (gsize)x, &pixel, 4);
    }
  cairo_surface_mark_dirty(surface);
  gst_video_frame_unmap(&frame);
  return surface;
}

/* Lays the map over (x, 0, w, h). */
static void
draw_map(cairo_t *cr, GstSample *heatmap, int x, int w, int h)
{
  GstVideoOverlayRectangle *map =
      cbigan_overlay_map(heatmap, CBIGAN_COLORMAP_INFERNO, &(CbiganOverlayPlace){ 0, 0, w, h });
  GstMapInfo bytes;
  if (!map)
    return;
  GstBuffer *buffer =
      gst_video_overlay_rectangle_get_pixels_unscaled_argb(map, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
  if (gst_buffer_map(buffer, &bytes, GST_MAP_READ)) {
    cairo_surface_t *surface = cairo_image_surface_create_for_data(bytes.data, CAIRO_FORMAT_ARGB32, (int)meta->width,
                                                                   (int)meta->height, (int)meta->stride[0]);
    cairo_save(cr);
    cairo_translate(cr, x, 0);
    cairo_scale(cr, (double)w / meta->width, (double)h / meta->height);
    cairo_set_source_surface(cr, surface, 0, 0);
    cairo_paint(cr);
    cairo_restore(cr);
    cairo_surface_destroy(surface);
    gst_buffer_unmap(buffer, &bytes);
  }
  gst_video_overlay_rectangle_unref(map);
}

static cairo_status_t
append(void *closure, const unsigned char *data, unsigned int n)
{
  g_byte_array_append(closure, data, n);
  return CAIRO_STATUS_SUCCESS;
}

/* The frame, and to its right the same with its map. Atomic. */
static gboolean
write_png(const Snapshot *self, GError **error)
{
  const int w = self->part.width, h = self->part.height, pictures = self->heatmap ? 2 : 1;
  g_autoptr(GByteArray) png = g_byte_array_new();
  cairo_surface_t *frame = draw_frame(self, error);
  if (!frame)
    return FALSE;
  cairo_surface_t *sheet = cairo_image_surface_create(CAIRO_FORMAT_RGB24, pictures * w, h);
  cairo_t *cr = cairo_create(sheet);
  for (int i = 0; i < pictures; i++) {
    cairo_set_source_surface(cr, frame, i * w, 0);
    cairo_paint(cr);
  }
  if (self->heatmap)
    draw_map(cr, self->heatmap, w, w, h);
  cairo_destroy(cr);
  const cairo_status_t status = cairo_surface_write_to_png_stream(sheet, append, png);
  cairo_surface_destroy(sheet);
  cairo_surface_destroy(frame);
  if (status != CAIRO_STATUS_SUCCESS) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME, _("a picture of %d x %d pixels can't be made: %s"),
                pictures * w, h, cairo_status_to_string(status));
    return FALSE;
  }
  return g_file_set_contents_full(self->location, (const char *)png->data, (gssize)png->len,
                                  G_FILE_SET_CONTENTS_CONSISTENT, 0666, error);
}

/* --- requests ------------------------------------------------------------------------------------------------------
 */

static void
tell(GstElement *element, const Snapshot *snapshot, const char *problem)
{
  gst_element_post_message(
      element, gst_message_new_element(GST_OBJECT(element),
                                       gst_structure_new("cbigan", "event", G_TYPE_STRING, "snapshot", "location",
                                                         G_TYPE_STRING, snapshot->location, "timestamp", G_TYPE_UINT64,
                                                         snapshot->timestamp, "written", G_TYPE_BOOLEAN,
                                                         problem == NULL, "error", G_TYPE_STRING, problem, NULL)));
}

static void
write_and_tell(GstElement *element, gpointer data)
{
  g_autoptr(GError) error = NULL;
  const gboolean written = write_png(data, &error);
  tell(element, data, written ? NULL : error->message);
}

static gboolean
snapshot(GstCbiganScore *self, const char *location)
{
  if (!location || !*location || !cbigan_swap_is_running(&self->swap))
    return FALSE;
  Snapshot *request = g_new0(Snapshot, 1);
  request->location = g_strdup(location);
  request->timestamp = GST_CLOCK_TIME_NONE;
  g_rec_mutex_lock(&self->results);
  g_queue_push_tail(&self->snapshots, request);
  g_rec_mutex_unlock(&self->results);
  return TRUE;
}

void
cbigan_score_install_snapshot(GObjectClass *object_class)
{
  g_signal_new_class_handler("snapshot", G_OBJECT_CLASS_TYPE(object_class), G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
                             G_CALLBACK(snapshot), NULL, NULL, NULL, G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
}

void
cbigan_score_take_snapshots(GstCbiganScore *self, const CbiganJob *job, GstBuffer *buffer)
{
  for (Snapshot *taken; (taken = g_queue_pop_head(&self->snapshots));) {
    taken->buffer = gst_buffer_ref(buffer);
    taken->info = self->swap.info;
    taken->part = job->part;
    taken->timestamp = job->times.timestamp;
    taken->heatmap = self->shown.heatmap ? gst_sample_ref(self->shown.heatmap) : NULL;
    gst_element_call_async(GST_ELEMENT(self), write_and_tell, taken, (GDestroyNotify)snapshot_free);
  }
}

void
cbigan_score_drop_snapshots(GstCbiganScore *self, const char *reason)
{
  GQueue dropped = G_QUEUE_INIT;
  g_rec_mutex_lock(&self->results);
  for (Snapshot *open; (open = g_queue_pop_head(&self->snapshots));)
    g_queue_push_tail(&dropped, open);
  g_rec_mutex_unlock(&self->results);
  for (Snapshot *open; (open = g_queue_pop_head(&dropped)); snapshot_free(open))
    tell(GST_ELEMENT(self), open, reason);
}
