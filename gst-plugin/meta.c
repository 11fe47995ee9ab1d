/* meta.c - the metas that carry a score and its place on the buffers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "meta.h"

#include <math.h>

#define MOST_BORDER 2 /* pixels of border that a scaler adds by rounding */

/* --- the place --- */

static const GstMetaInfo *place_info;

CbiganPlaceMeta *
cbigan_place_meta_next(GstBuffer *buffer, gpointer *state)
{
  return (CbiganPlaceMeta *)gst_buffer_iterate_meta_filtered(buffer, state, place_info->api);
}

static gboolean
has_place(GstBuffer *buffer)
{
  gpointer state = NULL;
  return cbigan_place_meta_next(buffer, &state) != NULL;
}

static CbiganPlaceMeta *
add_place(GstBuffer *buffer, const CbiganPlaceMeta *place, GstVideoOverlayRectangle *map)
{
  CbiganPlaceMeta *added = (CbiganPlaceMeta *)gst_buffer_add_meta(buffer, place_info, NULL);
  added->x = place->x;
  added->y = place->y;
  added->w = place->w;
  added->h = place->h;
  added->map = map ? gst_video_overlay_rectangle_ref(map) : NULL;
  return added;
}

static gboolean
place_init(GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  CbiganPlaceMeta *self = (CbiganPlaceMeta *)meta;
  self->x = self->y = self->w = self->h = 0;
  self->map = NULL;
  return TRUE;
}

static void
place_free(GstMeta *meta, GstBuffer *buffer)
{
  g_clear_pointer(&((CbiganPlaceMeta *)meta)->map, gst_video_overlay_rectangle_unref);
}

/* Whether a scaler that keeps the display's aspect ratio would add borders. Such a scaler and one that stretches the
 * picture call the transform with the same arguments, so the place would not be known. */
static gboolean
may_have_borders(const GstVideoInfo *from, const GstVideoInfo *to)
{
  const double from_aspect = (double)from->width * from->par_n / ((double)from->height * from->par_d);
  const double to_aspect = (double)to->width * to->par_n / ((double)to->height * to->par_d);
  const double filled = MIN(from_aspect / to_aspect, to_aspect / from_aspect); /* of the longer side */
  return (1 - filled) * (from_aspect < to_aspect ? to->width : to->height) > MOST_BORDER;
}

/* The map with its rectangle on the display scaled (transfer full). */
static GstVideoOverlayRectangle *
scale_map(GstVideoOverlayRectangle *map, const GstVideoInfo *from, const GstVideoInfo *to)
{
  int x, y;
  guint w, h;
  if (!gst_video_overlay_rectangle_get_render_rectangle(map, &x, &y, &w, &h))
    return NULL;
  const double sx = (double)to->width / from->width, sy = (double)to->height / from->height;
  GstBuffer *pixels = gst_video_overlay_rectangle_get_pixels_unscaled_raw(map, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  return gst_video_overlay_rectangle_new_raw(pixels, (int)lround(x * sx), (int)lround(y * sy),
                                             (guint)MAX(lround(w * sx), 1), (guint)MAX(lround(h * sy), 1),
                                             GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
}

static gboolean
place_transform(GstBuffer *to, GstMeta *meta, GstBuffer *from, GQuark type, gpointer data)
{
  const CbiganPlaceMeta *self = (const CbiganPlaceMeta *)meta;
  if (GST_META_TRANSFORM_IS_COPY(type) && !((const GstMetaTransformCopy *)data)->region)
    return add_place(to, self, self->map) != NULL;
  if (!GST_VIDEO_META_TRANSFORM_IS_SCALE(type))
    return FALSE;
  const GstVideoMetaTransform *scale = data;
  if (may_have_borders(scale->in_info, scale->out_info))
    return FALSE;
  const gboolean same =
      scale->in_info->width == scale->out_info->width && scale->in_info->height == scale->out_info->height;
  if (same || !self->map)
    return add_place(to, self, self->map) != NULL;
  g_autoptr(GstVideoOverlayRectangle) map = scale_map(self->map, scale->in_info, scale->out_info);
  return add_place(to, self, map) != NULL;
}

/* --- the overlay composition --- */

/* The memory of the rectangle's pixels as the rectangle was made of it (transfer none). */
static const GstBuffer *
pixels_of(const GstVideoOverlayRectangle *rectangle)
{
  GstVideoOverlayRectangle *readable = (GstVideoOverlayRectangle *)rectangle;
  return gst_video_overlay_rectangle_get_pixels_unscaled_raw(readable, gst_video_overlay_rectangle_get_flags(readable));
}

/* Compares pixels, as the rectangle may be a copy: GStreamer 1.26 scales copies of a composition's rectangles. */
gboolean
cbigan_is_map(GstBuffer *buffer, const GstVideoOverlayRectangle *rectangle)
{
  gpointer state = NULL;
  for (const CbiganPlaceMeta *place; (place = cbigan_place_meta_next(buffer, &state));)
    if (place->map && pixels_of(place->map) == pixels_of(rectangle))
      return TRUE;
  return FALSE;
}

GstVideoOverlayComposition *
cbigan_composition_new(const GPtrArray *rectangles)
{
  GstVideoOverlayComposition *composition = NULL;
  for (guint i = 0; i < rectangles->len; i++) {
    if (composition)
      gst_video_overlay_composition_add_rectangle(composition, rectangles->pdata[i]);
    else
      composition = gst_video_overlay_composition_new(rectangles->pdata[i]);
  }
  return composition;
}

void
cbigan_composition_set(GstBuffer *buffer, GPtrArray *rectangles)
{
  GstVideoOverlayCompositionMeta *old = gst_buffer_get_video_overlay_composition_meta(buffer);
  g_autoptr(GstVideoOverlayComposition) composition = cbigan_composition_new(rectangles);
  if (old)
    gst_buffer_remove_video_overlay_composition_meta(buffer, old);
  if (composition)
    gst_buffer_add_video_overlay_composition_meta(buffer, composition);
}

static gboolean
has_rectangle(GstBuffer *buffer, const GstVideoOverlayRectangle *map)
{
  gpointer state = NULL;
  for (const CbiganPlaceMeta *place; (place = cbigan_place_meta_next(buffer, &state));)
    if (place->map == map)
      return TRUE;
  return FALSE;
}

/* GStreamer 1.22 copies a composition unscaled, and 1.26 scales it also where borders may be added. So maps in the
 * copy give way to the maps of its places, which have the right size. Maps without a place are removed. */
static void
move_maps(GstBuffer *to, GstBuffer *from)
{
  GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta(to);
  g_autoptr(GPtrArray) rectangles = g_ptr_array_new();
  gpointer state = NULL;
  gboolean changed = FALSE;
  if (!meta)
    return;
  for (guint i = 0; i < gst_video_overlay_composition_n_rectangles(meta->overlay); i++) {
    GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle(meta->overlay, i);
    if (cbigan_is_map(from, rectangle) && !has_rectangle(to, rectangle))
      changed = TRUE;
    else
      g_ptr_array_add(rectangles, rectangle);
  }
  if (!changed)
    return;
  for (const CbiganPlaceMeta *place; (place = cbigan_place_meta_next(to, &state));)
    if (place->map)
      g_ptr_array_add(rectangles, place->map);
  g_autoptr(GstVideoOverlayComposition) kept =
      gst_video_overlay_composition_ref(meta->overlay); /* has the rectangles */
  cbigan_composition_set(to, rectangles);
}

/* --- the score --- */

static gboolean
copy_field(GQuark field, const GValue *value, gpointer to)
{
  gst_structure_id_set_value(to, field, value);
  return TRUE;
}

/* Removes what is wrong when the pixels were moved. */
static void
forget_places(GstStructure *score)
{
  GValue none = G_VALUE_INIT, scores = G_VALUE_INIT;
  const GValue *previous = gst_structure_get_value(score, "previous");
  gst_structure_remove_field(score, "heatmap");
  gst_value_array_init(&none, 0);
  gst_structure_take_value(score, "regions", &none);
  if (!previous)
    return;
  gst_value_array_init(&scores, 1);
  for (guint i = 0; i < gst_value_array_get_size(previous); i++) {
    GstStructure *copy = gst_structure_copy(gst_value_get_structure(gst_value_array_get_value(previous, i)));
    GValue value = G_VALUE_INIT;
    forget_places(copy);
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&value, copy);
    gst_value_array_append_and_take_value(&scores, &value);
  }
  gst_structure_take_value(score, "previous", &scores);
}

static gboolean
score_transform(GstBuffer *to, GstCustomMeta *meta, GstBuffer *from, GQuark type, gpointer data, gpointer unused)
{
  if (!GST_META_TRANSFORM_IS_COPY(type) || ((const GstMetaTransformCopy *)data)->region)
    return FALSE;
  move_maps(to, from); /* first, as the score stays the last meta: the next copy needs that order again */
  GstStructure *score = gst_custom_meta_get_structure(gst_buffer_add_custom_meta(to, CBIGAN_SCORE_META));
  gst_structure_foreach(gst_custom_meta_get_structure(meta), copy_field, score);
  if (has_place(from) && !has_place(to))
    forget_places(score);
  return TRUE;
}

void
cbigan_metas_register(void)
{
  static const char *no_tags[] = { NULL }, *tags[] = { GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_SIZE_STR,
                                                       GST_META_TAG_VIDEO_ORIENTATION_STR, NULL };
  place_info = gst_meta_get_info("CbiganPlaceMeta");
  if (!place_info)
    place_info = gst_meta_register(gst_meta_api_type_register("CbiganPlaceMetaAPI", tags), "CbiganPlaceMeta",
                                   sizeof(CbiganPlaceMeta), place_init, place_free, place_transform);
  if (!gst_meta_get_info(CBIGAN_SCORE_META))
    gst_meta_register_custom(CBIGAN_SCORE_META, no_tags, score_transform, NULL, NULL);
}

/* Takes the score off the buffer: an array of it and the scores before it. FALSE: there is none. */
static gboolean
take_previous(GstBuffer *buffer, GValue *scores)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, CBIGAN_SCORE_META);
  GValue last = G_VALUE_INIT;
  if (!meta)
    return FALSE;
  GstStructure *score = gst_structure_copy(gst_custom_meta_get_structure(meta));
  const GValue *earlier = gst_structure_get_value(score, "previous");
  gst_value_array_init(scores, 1);
  for (guint i = 0; earlier && i < gst_value_array_get_size(earlier); i++)
    gst_value_array_append_value(scores, gst_value_array_get_value(earlier, i));
  gst_structure_remove_field(score, "previous");
  g_value_init(&last, GST_TYPE_STRUCTURE);
  g_value_take_boxed(&last, score);
  gst_value_array_append_and_take_value(scores, &last);
  gst_buffer_remove_meta(buffer, (GstMeta *)meta);
  return TRUE;
}

GstStructure *
cbigan_score_meta_add(GstBuffer *buffer, const CbiganVideoPart *part, GstVideoOverlayRectangle *map)
{
  GValue previous = G_VALUE_INIT;
  const gboolean again = take_previous(buffer, &previous);
  const CbiganPlaceMeta place = {
    .x = (double)part->x / part->whole_width,
    .y = (double)part->y / part->whole_height,
    .w = (double)part->width / part->whole_width,
    .h = (double)part->height / part->whole_height,
  };
  add_place(buffer, &place, map);
  GstStructure *score = gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, CBIGAN_SCORE_META));
  if (again)
    gst_structure_take_value(score, "previous", &previous);
  return score;
}

const GstStructure *
cbigan_meta_get(GstBuffer *buffer, const char *name)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, name);
  return meta ? gst_custom_meta_get_structure(meta) : NULL;
}
