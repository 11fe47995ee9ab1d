/* cbiganoverlay.c - draws what cbiganscore attached
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cbiganoverlay
 * @title: cbiganoverlay
 *
 * Draws the results of cbiganscore into the pixels, for encoders and for sinks that draw no overlays:
 *
 * - the coloured map, at the place of the picture that was scored and at any size of the frame
 * - a bar whose length is the normalized score, with a mark at the threshold. It lies at the lower edge, or at the
 * upper edge where a region of the map would be hidden below it
 * - a red border around anomalous frames
 *
 * Frames without a `CbiganScore` pass unchanged. The overlays that were drawn are removed from the buffer, so that no
 * sink draws them a second time. The `CbiganScore` itself stays. After elements that move the pixels (videocrop,
 * videoflip, videobox: see cbiganscore) bar and border are drawn, but no map: put this element before them.
 *
 * Where several cbiganscore stand in series, the maps of all are drawn, and the bar and the border of the last one.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 cbigantestsrc defects=0.3 num-buffers=300 ! cbiganscore model=cloth.safetensors ! cbiganoverlay \
 *     ! videoconvert ! jpegenc ! matroskamux ! filesink location=scored.mkv
 * ]|
 * Record a video with the map drawn in.
 * |[
 * gst-launch-1.0 cbigantestsrc defects=0.3 ! cbiganscore model=cloth.safetensors \
 *     ! cbiganoverlay opacity=0.5 bar=false ! videoconvert ! autovideosink
 * ]|
 * Half transparent, without the bar.
 */
#include <gst/video/gstvideofilter.h>
#include <gst/video/video.h>
#include <math.h>
#include <string.h>

#include "elements.h"
#include "i18n.h"
#include "properties.h"
#include "meta.h"

typedef struct {
  gboolean heatmap, border, bar;
  double opacity;
} Options;

struct _GstCbiganOverlay {
  GstVideoFilter parent;
  Options options; /* under the object lock */
};

#define GST_TYPE_CBIGAN_OVERLAY (gst_cbigan_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstCbiganOverlay, gst_cbigan_overlay, GST, CBIGAN_OVERLAY, GstVideoFilter)
G_DEFINE_TYPE(GstCbiganOverlay, gst_cbigan_overlay, GST_TYPE_VIDEO_FILTER)
GST_ELEMENT_REGISTER_DEFINE(cbiganoverlay, "cbiganoverlay", GST_RANK_NONE, GST_TYPE_CBIGAN_OVERLAY)

#define CAPS GST_VIDEO_CAPS_MAKE(GST_VIDEO_OVERLAY_COMPOSITION_BLEND_FORMATS)
static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(CAPS));

typedef enum { GOOD, ANOMALOUS, BACKGROUND, MARK, N_COLOURS } Colour;

/* B, G, R, A. A rectangle of one colour is a picture of a few such pixels, scaled up. */
static const guint8 colours[N_COLOURS][4] = {
  [GOOD] = { 80, 200, 60, 255 },
  [ANOMALOUS] = { 40, 40, 235, 255 },
  [BACKGROUND] = { 20, 20, 20, 160 },
  [MARK] = { 255, 255, 255, 255 },
};

#define OPTION(kind, field) CBIGAN_PROPERTY_##kind, offsetof(Options, field)
#define LIVE GST_PARAM_MUTABLE_PLAYING

static const CbiganProperty properties[] = {
  { "heatmap", OPTION(BOOLEAN, heatmap), .initial = TRUE, .flags = LIVE, .nick = N_("Heat map"),
    .blurb = N_("Draw the coloured map that cbiganscore attached") },
  { "border", OPTION(BOOLEAN, border), .initial = TRUE, .flags = LIVE, .nick = N_("Border"),
    .blurb = N_("Draw a red border around anomalous frames") },
  { "bar", OPTION(BOOLEAN, bar), .initial = TRUE, .flags = LIVE, .nick = N_("Bar"),
    .blurb = N_("Draw the normalized score as a bar with a mark at the threshold") },
  { "opacity", OPTION(DOUBLE, opacity), 0, 1, 1, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Opacity"),
    .blurb = N_("Of the heat map (0 = invisible, 1 = as attached)") },
};

static void
gst_cbigan_overlay_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GST_OBJECT_LOCK(object);
  cbigan_property_set(&properties[id - 1], &GST_CBIGAN_OVERLAY(object)->options, value);
  GST_OBJECT_UNLOCK(object);
}

static void
gst_cbigan_overlay_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GST_OBJECT_LOCK(object);
  cbigan_property_get(&properties[id - 1], &GST_CBIGAN_OVERLAY(object)->options, value);
  GST_OBJECT_UNLOCK(object);
}

/* Rectangles in the order in which they are drawn. */
static GPtrArray *
new_rectangles(void)
{
  return g_ptr_array_new_with_free_func((GDestroyNotify)gst_video_overlay_rectangle_unref);
}

static void
draw_rectangles(const GPtrArray *rectangles, GstVideoFrame *frame)
{
  g_autoptr(GstVideoOverlayComposition) composition = cbigan_composition_new(rectangles);
  if (composition)
    gst_video_overlay_composition_blend(composition, frame);
}

static void
add_rectangle(GPtrArray *rectangles, Colour colour, int x, int y, int w, int h)
{
  guint8 pixels[4][4]; /* of 2 x 2: the scaler reads a second column and row */
  for (int i = 0; i < 4; i++)
    memcpy(pixels[i], colours[colour], 4);
  g_autoptr(GstBuffer) picture = gst_buffer_new_memdup(pixels, sizeof pixels);
  gst_buffer_add_video_meta(picture, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_BGRA, 2, 2);
  g_ptr_array_add(rectangles, gst_video_overlay_rectangle_new_raw(picture, x, y, (guint)w, (guint)h,
                                                                  GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE));
}

static void
add_border(GPtrArray *rectangles, int width, int height)
{
  int t = MAX(MIN(width, height) / 60, 1);
  add_rectangle(rectangles, ANOMALOUS, 0, 0, width, t);
  add_rectangle(rectangles, ANOMALOUS, 0, height - t, width, t);
  add_rectangle(rectangles, ANOMALOUS, 0, 0, t, height);
  add_rectangle(rectangles, ANOMALOUS, width - t, 0, t, height);
}

/* Whether a region of the score lies in rows [first, end). */
static gboolean
has_region(const GstStructure *score, int first, int end, int height)
{
  const GValue *regions = gst_structure_get_value(score, "regions");
  for (guint i = 0; regions && i < gst_value_array_get_size(regions); i++) {
    const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, i));
    double y = 0, h = 0;
    gst_structure_get(region, "y", G_TYPE_DOUBLE, &y, "h", G_TYPE_DOUBLE, &h, NULL);
    if (y * height < end && (y + h) * height > first)
      return TRUE;
  }
  return FALSE;
}

static void
add_bar(GPtrArray *rectangles, const GstStructure *score, double normalized, gboolean anomalous, int width, int height)
{
  int t = MAX(height / 40, 2), margin = MAX(MIN(width, height) / 40, 1), full = width - 2 * margin;
  int y = height - margin - t, length = (int)lround(normalized * full);
  if (full < 4 || y < 0)
    return;
  if (has_region(score, y, y + t, height) && !has_region(score, margin, margin + t, height))
    y = margin;
  add_rectangle(rectangles, BACKGROUND, margin, y, full, t);
  if (length > 0)
    add_rectangle(rectangles, anomalous ? ANOMALOUS : GOOD, margin, y, length, t);
  add_rectangle(rectangles, MARK, margin + full / 2, y, MAX(width / 320, 1), t);
}

/* The map of a place on a frame of this size (transfer full). */
static GstVideoOverlayRectangle *
new_map(const CbiganPlaceMeta *place, int width, int height, double opacity)
{
  const int x = (int)lround(place->x * width), y = (int)lround(place->y * height);
  const int w = MAX((int)lround(place->w * width), 1), h = MAX((int)lround(place->h * height), 1);
  GstBuffer *pixels =
      gst_video_overlay_rectangle_get_pixels_unscaled_raw(place->map, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  GstVideoOverlayRectangle *map =
      gst_video_overlay_rectangle_new_raw(pixels, x, y, (guint)w, (guint)h, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  gst_video_overlay_rectangle_set_global_alpha(map, (float)opacity);
  return map;
}

/* Draws the maps, after what other elements attached, and takes both off the buffer. */
static void
draw_attached(GstVideoFrame *frame, double opacity)
{
  GstBuffer *buffer = frame->buffer;
  GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta(buffer);
  g_autoptr(GPtrArray) rectangles = new_rectangles();
  gpointer state = NULL;
  for (guint i = 0; meta && i < gst_video_overlay_composition_n_rectangles(meta->overlay); i++) {
    GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle(meta->overlay, i);
    if (!cbigan_is_map(buffer, rectangle))
      g_ptr_array_add(rectangles, gst_video_overlay_rectangle_ref(rectangle));
  }
  for (CbiganPlaceMeta *place; (place = cbigan_place_meta_next(buffer, &state));) {
    if (place->map)
      g_ptr_array_add(rectangles, new_map(place, GST_VIDEO_FRAME_WIDTH(frame), GST_VIDEO_FRAME_HEIGHT(frame), opacity));
    g_clear_pointer(&place->map, gst_video_overlay_rectangle_unref);
  }
  draw_rectangles(rectangles, frame);
  if (meta)
    gst_buffer_remove_video_overlay_composition_meta(buffer, meta);
}

static GstFlowReturn
gst_cbigan_overlay_transform_frame_ip(GstVideoFilter *filter, GstVideoFrame *frame)
{
  GstCbiganOverlay *self = GST_CBIGAN_OVERLAY(filter);
  const GstStructure *score = cbigan_meta_get(frame->buffer, CBIGAN_SCORE_META);
  g_autoptr(GPtrArray) rectangles = new_rectangles();
  g_autoptr(GError) error = NULL;
  GstVideoFrame visible = *frame;
  CbiganVideoPart part;
  gboolean anomalous = FALSE;
  double normalized = NAN;

  if (!score)
    return GST_FLOW_OK;
  GST_OBJECT_LOCK(self);
  const Options options = self->options;
  GST_OBJECT_UNLOCK(self);
  if (!cbigan_video_part_find(&part, &filter->in_info, frame->buffer, &error)) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("%s", error->message), (NULL));
    return GST_FLOW_ERROR;
  }
  cbigan_video_part_crop(&part, &visible);
  gst_structure_get(score, "anomalous", G_TYPE_BOOLEAN, &anomalous, "normalized", G_TYPE_DOUBLE, &normalized, NULL);
  if (options.heatmap)
    draw_attached(frame, options.opacity);
  if (options.border && anomalous)
    add_border(rectangles, part.width, part.height);
  if (options.bar && !isnan(normalized))
    add_bar(rectangles, score, normalized, anomalous, part.width, part.height);
  draw_rectangles(rectangles, &visible);
  return GST_FLOW_OK;
}

static gboolean
gst_cbigan_overlay_propose_allocation(GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query)
{
  GstBaseTransformClass *parent = GST_BASE_TRANSFORM_CLASS(gst_cbigan_overlay_parent_class);
  if (!parent->propose_allocation(trans, decide_query, query))
    return FALSE;
  cbigan_allocation_remove_metas(query);
  return TRUE;
}

static void
gst_cbigan_overlay_class_init(GstCbiganOverlayClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);

  object_class->set_property = gst_cbigan_overlay_set_property;
  object_class->get_property = gst_cbigan_overlay_get_property;
  cbigan_properties_install(object_class, properties, G_N_ELEMENTS(properties));
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_metadata(element_class, _("CBiGAN overlay"), "Filter/Editor/Video",
                                 _("Draws heat map, score and verdict of cbiganscore into the frames"), CBIGAN_AUTHOR);
  GST_BASE_TRANSFORM_CLASS(class)->propose_allocation = gst_cbigan_overlay_propose_allocation;
  GST_VIDEO_FILTER_CLASS(class)->transform_frame_ip = gst_cbigan_overlay_transform_frame_ip;
}

static void
gst_cbigan_overlay_init(GstCbiganOverlay *self)
{
  cbigan_properties_init(properties, G_N_ELEMENTS(properties), &self->options);
}
