/* annotation.c - a scored frame's result on buffers and on the bus
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "annotation.h"

#include "analytics/analytics.h"
#include "meta.h"
#include "score/stream_health.h"

#define POOLED 2 /* buffers that a pool allocates at once */

static void
picture_pool_clear(CbiganPicturePool *self)
{
  if (self->pool)
    gst_buffer_pool_set_active(self->pool, FALSE);
  gst_clear_object(&self->pool);
  gst_clear_caps(&self->caps);
}

static gboolean
picture_pool_prepare(CbiganPicturePool *self, GstVideoFormat format, int width, int height)
{
  if (self->pool && self->info.width == width && self->info.height == height)
    return TRUE;
  picture_pool_clear(self);
  if (!gst_video_info_set_format(&self->info, format, (guint)width, (guint)height))
    return FALSE;
  /* GStreamer's own allocation ends the process where there is no memory, so that it is tried here. */
  g_autofree guint8 *spare = g_try_malloc_n(POOLED + 1, self->info.size);
  if (!spare)
    return FALSE;
  self->caps = gst_video_info_to_caps(&self->info);
  self->pool = gst_video_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(self->pool);
  gst_buffer_pool_config_set_params(config, self->caps, (guint)self->info.size, POOLED, 0);
  gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  return gst_buffer_pool_set_config(self->pool, config) && gst_buffer_pool_set_active(self->pool, TRUE);
}

/* Moves rows that the core wrote without gaps to where they belong, `stride` bytes apart. The last row goes first, so
 * that no row is overwritten. */
static void
spread_rows(guint8 *data, gsize row, gsize stride, int height)
{
  for (int y = height - 1; y > 0 && stride != row; y--)
    memmove(data + (gsize)y * stride, data + (gsize)y * row, row);
}

static GstBuffer *
acquire(CbiganPicturePool *self, GstVideoFormat format, int width, int height, GstVideoFrame *frame)
{
  GstBuffer *buffer = NULL;
  if (!picture_pool_prepare(self, format, width, height) ||
      gst_buffer_pool_acquire_buffer(self->pool, &buffer, NULL) != GST_FLOW_OK)
    return NULL;
  if (!gst_video_frame_map(frame, &self->info, buffer, GST_MAP_READWRITE))
    gst_clear_buffer(&buffer);
  return buffer;
}

static gboolean
make_heatmap(CbiganAnnotation *self)
{
  const CbiganResult *r = &self->result;
  GstVideoFrame frame;
  g_autoptr(GstBuffer) buffer = acquire(&self->gray, GST_VIDEO_FORMAT_GRAY16_LE, r->map_width, r->map_height, &frame);
  if (!buffer)
    return FALSE;
  guint8 *data = GST_VIDEO_FRAME_PLANE_DATA(&frame, 0);
  cbigan_map_to_gray16(r->map, r->map_width, r->map_height, r->threshold, (guint16 *)data);
  spread_rows(data, 2 * (gsize)r->map_width, (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0), r->map_height);
  gst_video_frame_unmap(&frame);
  self->heatmap = gst_sample_new(buffer, self->gray.caps, NULL, NULL);
  return TRUE;
}

static gboolean
make_overlay(CbiganAnnotation *self, int width, int height)
{
  const CbiganResult *r = &self->result;
  GstVideoFrame frame;
  g_autoptr(GstBuffer) buffer = acquire(&self->colour, GST_VIDEO_FORMAT_BGRA, r->map_width, r->map_height, &frame);
  if (!buffer)
    return FALSE;
  cbigan_map_to_bgra(r->map, r->map_width, r->map_height, r->threshold, GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
  gst_video_frame_unmap(&frame);
  self->overlay = gst_video_overlay_rectangle_new_raw(buffer, 0, 0, (guint)width, (guint)height,
                                                      GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  return TRUE;
}

gboolean
cbigan_annotation_update(CbiganAnnotation *self, int width, int height, gboolean overlay)
{
  cbigan_annotation_reset(self);
  self->valid = TRUE;
  self->mask = cbigan_analytics_mask(&self->result);
  if (!self->result.map_width || !(self->result.threshold > 0))
    return TRUE;
  /* Without a region there is no overlay: colours that fade in below the threshold would make good frames look
   * doubtful.
   */
  return make_heatmap(self) && (!overlay || !self->result.n_regions || make_overlay(self, width, height));
}

void
cbigan_annotation_reset(CbiganAnnotation *self)
{
  self->valid = FALSE;
  gst_clear_buffer(&self->mask);
  g_clear_pointer(&self->heatmap, gst_sample_unref);
  g_clear_pointer(&self->overlay, gst_video_overlay_rectangle_unref);
}

void
cbigan_annotation_copy(CbiganAnnotation *self, const CbiganAnnotation *other)
{
  cbigan_annotation_clear(self);
  self->result = other->result;
  self->result.map = NULL;
  self->result.map_allocated = 0;
  self->valid = other->valid;
  self->corrupted = other->corrupted;
  self->pts = other->pts;
  self->running_time = other->running_time;
  self->event_id = other->event_id;
  self->model = g_strdup(other->model);
  self->name = g_strdup(other->name);
  self->mask = other->mask ? gst_buffer_ref(other->mask) : NULL;
  self->heatmap = other->heatmap ? gst_sample_ref(other->heatmap) : NULL;
  self->overlay = other->overlay ? gst_video_overlay_rectangle_ref(other->overlay) : NULL;
}

void
cbigan_annotation_clear(CbiganAnnotation *self)
{
  cbigan_annotation_reset(self);
  cbigan_result_clear(&self->result);
  picture_pool_clear(&self->gray);
  picture_pool_clear(&self->colour);
  g_clear_pointer(&self->model, g_free);
  g_clear_pointer(&self->name, g_free);
}

static void
set_regions(const CbiganResult *result, GstStructure *structure)
{
  GValue array = G_VALUE_INIT;
  gst_value_array_init(&array, result->n_regions);
  for (guint i = 0; i < result->n_regions; i++) {
    const CbiganRegion *region = &result->regions[i];
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&value,
                       gst_structure_new("region", "x", G_TYPE_DOUBLE, region->x, "y", G_TYPE_DOUBLE, region->y, "w",
                                         G_TYPE_DOUBLE, region->w, "h", G_TYPE_DOUBLE, region->h, "peak", G_TYPE_DOUBLE,
                                         region->peak, "area", G_TYPE_DOUBLE, region->area, NULL));
    gst_value_array_append_and_take_value(&array, &value);
  }
  gst_structure_take_value(structure, "regions", &array);
}

static void
set_areas(const CbiganResult *result, GstStructure *structure)
{
  GValue array = G_VALUE_INIT;
  gst_value_array_init(&array, result->n_areas);
  for (guint i = 0; i < result->n_areas; i++) {
    const CbiganAreaResult *area = &result->areas[i];
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&value,
                       gst_structure_new("area", "name", G_TYPE_STRING, area->name, "score", G_TYPE_DOUBLE, area->score,
                                         "threshold", G_TYPE_DOUBLE, area->threshold, "normalized", G_TYPE_DOUBLE,
                                         area->normalized, "anomalous", G_TYPE_BOOLEAN, area->anomalous, NULL));
    gst_value_array_append_and_take_value(&array, &value);
  }
  gst_structure_take_value(structure, "areas", &array);
}

void
cbigan_annotation_fields(const CbiganAnnotation *self, gboolean stale, GstStructure *structure)
{
  const CbiganResult *r = &self->result;
  g_autofree char *health = cbigan_stream_health_text(self->faults);
  gst_structure_set(structure, "score", G_TYPE_DOUBLE, r->score, "threshold", G_TYPE_DOUBLE, r->threshold, "normalized",
                    G_TYPE_DOUBLE, r->normalized, "anomalous", G_TYPE_BOOLEAN, r->anomalous, "event-id", G_TYPE_UINT,
                    self->event_id, "pixel-term", G_TYPE_DOUBLE, r->pixel_term, "feature-term", G_TYPE_DOUBLE,
                    r->feature_term, "scored-pts", G_TYPE_UINT64, self->pts, "stale", G_TYPE_BOOLEAN, stale,
                    "corrupted", G_TYPE_BOOLEAN, self->corrupted, "model", G_TYPE_STRING, self->model, "name",
                    G_TYPE_STRING, self->name, "health", G_TYPE_STRING, health, NULL);
  set_regions(r, structure);
  if (r->n_areas)
    set_areas(r, structure);
}

/* The region in pixels of the buffer's whole picture. Its sides are at least one pixel long. */
static void
add_region_of_interest(const CbiganRegion *region, const CbiganVideoPart *part, GstBuffer *buffer)
{
  guint x = (guint)(part->x + region->x * part->width), y = (guint)(part->y + region->y * part->height);
  guint w = MAX((guint)(region->w * part->width + 0.5), 1), h = MAX((guint)(region->h * part->height + 0.5), 1);
  GstVideoRegionOfInterestMeta *roi = gst_buffer_add_video_region_of_interest_meta(buffer, "cbigan", x, y, w, h);
  gst_video_region_of_interest_meta_add_param(roi,
                                              gst_structure_new("cbigan", "peak", G_TYPE_DOUBLE, region->peak, NULL));
}

/* Sinks look at the first composition only, so the rectangles of other elements come along in ours. */
static void
add_overlay(GstVideoOverlayRectangle *rectangle, GstBuffer *buffer)
{
  GstVideoOverlayCompositionMeta *old = gst_buffer_get_video_overlay_composition_meta(buffer);
  g_autoptr(GPtrArray) rectangles = g_ptr_array_new_with_free_func((GDestroyNotify)gst_video_overlay_rectangle_unref);
  for (guint i = 0; old && i < gst_video_overlay_composition_n_rectangles(old->overlay); i++)
    g_ptr_array_add(rectangles,
                    gst_video_overlay_rectangle_ref(gst_video_overlay_composition_get_rectangle(old->overlay, i)));
  g_ptr_array_add(rectangles, gst_video_overlay_rectangle_ref(rectangle));
  cbigan_composition_set(buffer, rectangles);
}

void
cbigan_annotation_attach(const CbiganAnnotation *self, gboolean stale, gboolean regions, const CbiganVideoPart *part,
                         GstBuffer *buffer)
{
  if (self->overlay)
    add_overlay(self->overlay, buffer);
  GstStructure *structure = cbigan_score_meta_add(buffer, part, self->overlay);
  cbigan_annotation_fields(self, stale, structure);
  if (self->heatmap)
    gst_structure_set(structure, "heatmap", GST_TYPE_SAMPLE, self->heatmap, NULL);
  for (guint i = 0; regions && i < self->result.n_regions; i++)
    add_region_of_interest(&self->result.regions[i], part, buffer);
  if (regions)
    cbigan_analytics_attach(&self->result, self->mask, part, buffer);
}
