/* cbiganoverlay.c - draws what cbiganscore attached
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cbiganoverlay
 * @title: cbiganoverlay
 *
 * Draws into the pixels what cbiganscore attached to the buffers, for encoders and for sinks that draw no overlays: the
 * coloured map, a bar at the lower edge whose length is the normalized score with a mark at the threshold (at the upper
 * edge while a region of the map would be hidden below it), and a border that is red around anomalous frames. Frames
 * without a `CbiganScore` pass unchanged. What was drawn is removed from the buffer, so that no sink draws it a second
 * time; the `CbiganScore` itself stays.
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

#include "elements.h"
#include "i18n.h"
#include "meta.h"

enum { PROP_0, PROP_HEATMAP, PROP_BORDER, PROP_BAR, PROP_OPACITY };

struct _GstCbiganOverlay {
  GstVideoFilter parent;
  /* under the object lock */
  gboolean heatmap, border, bar;
  double opacity;
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

/* One pixel each, B, G, R, A: a rectangle of one colour is such a pixel scaled up. */
static const guint8 colours[N_COLOURS][4] = {
  [GOOD] = { 80, 200, 60, 255 },
  [ANOMALOUS] = { 40, 40, 235, 255 },
  [BACKGROUND] = { 20, 20, 20, 160 },
  [MARK] = { 255, 255, 255, 255 },
};

static void
gst_cbigan_overlay_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstCbiganOverlay *self = GST_CBIGAN_OVERLAY(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_HEATMAP:
    self->heatmap = g_value_get_boolean(value);
    break;
  case PROP_BORDER:
    self->border = g_value_get_boolean(value);
    break;
  case PROP_BAR:
    self->bar = g_value_get_boolean(value);
    break;
  case PROP_OPACITY:
    self->opacity = g_value_get_double(value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_cbigan_overlay_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstCbiganOverlay *self = GST_CBIGAN_OVERLAY(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_HEATMAP:
    g_value_set_boolean(value, self->heatmap);
    break;
  case PROP_BORDER:
    g_value_set_boolean(value, self->border);
    break;
  case PROP_BAR:
    g_value_set_boolean(value, self->bar);
    break;
  case PROP_OPACITY:
    g_value_set_double(value, self->opacity);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static GstVideoOverlayRectangle *
new_rectangle(Colour colour, int x, int y, int w, int h)
{
  g_autoptr(GstBuffer) pixel = gst_buffer_new_memdup(colours[colour], sizeof colours[colour]);
  gst_buffer_add_video_meta(pixel, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_BGRA, 1, 1);
  return gst_video_overlay_rectangle_new_raw(pixel, x, y, (guint)w, (guint)h, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
}

/* composition: may still be NULL */
static void
add_rectangle(GstVideoOverlayComposition **composition, GstVideoOverlayRectangle *rectangle)
{
  if (*composition)
    gst_video_overlay_composition_add_rectangle(*composition, rectangle);
  else
    *composition = gst_video_overlay_composition_new(rectangle);
  gst_video_overlay_rectangle_unref(rectangle);
}

static void
add_border(GstVideoOverlayComposition **composition, int width, int height)
{
  int t = MAX(MIN(width, height) / 60, 1);
  add_rectangle(composition, new_rectangle(ANOMALOUS, 0, 0, width, t));
  add_rectangle(composition, new_rectangle(ANOMALOUS, 0, height - t, width, t));
  add_rectangle(composition, new_rectangle(ANOMALOUS, 0, 0, t, height));
  add_rectangle(composition, new_rectangle(ANOMALOUS, width - t, 0, t, height));
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
add_bar(GstVideoOverlayComposition **composition, const GstStructure *score, double normalized, gboolean anomalous,
        int width, int height)
{
  int t = MAX(height / 40, 2), margin = MAX(MIN(width, height) / 40, 1), full = width - 2 * margin;
  int y = height - margin - t, length = (int)lround(normalized * full);
  if (full < 4 || y < 0)
    return;
  if (has_region(score, y, y + t, height) && !has_region(score, margin, margin + t, height))
    y = margin;
  add_rectangle(composition, new_rectangle(BACKGROUND, margin, y, full, t));
  if (length > 0)
    add_rectangle(composition, new_rectangle(anomalous ? ANOMALOUS : GOOD, margin, y, length, t));
  add_rectangle(composition, new_rectangle(MARK, margin + full / 2, y, MAX(width / 320, 1), t));
}

/* Draws and removes the attached composition, with `opacity` on top of its own transparency. */
static void
draw_attached(GstVideoFrame *frame, gboolean draw, double opacity)
{
  GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta(frame->buffer);
  if (!meta || !draw)
    return;
  g_autoptr(GstVideoOverlayComposition) composition = gst_video_overlay_composition_copy(meta->overlay);
  for (guint i = 0; i < gst_video_overlay_composition_n_rectangles(composition) && opacity < 1; i++) {
    GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle(composition, i);
    float own = gst_video_overlay_rectangle_get_global_alpha(rectangle);
    gst_video_overlay_rectangle_set_global_alpha(rectangle, own * (float)opacity);
  }
  gst_video_overlay_composition_blend(composition, frame);
  gst_buffer_remove_video_overlay_composition_meta(frame->buffer, meta);
}

static GstFlowReturn
gst_cbigan_overlay_transform_frame_ip(GstVideoFilter *filter, GstVideoFrame *frame)
{
  GstCbiganOverlay *self = GST_CBIGAN_OVERLAY(filter);
  const GstStructure *score = cbigan_meta_get(frame->buffer, CBIGAN_SCORE_META);
  g_autoptr(GstVideoOverlayComposition) composition = NULL;
  gboolean anomalous = FALSE;
  double normalized = NAN;

  GST_OBJECT_LOCK(self);
  gboolean heatmap = self->heatmap, border = self->border, bar = self->bar;
  double opacity = self->opacity;
  GST_OBJECT_UNLOCK(self);
  if (!score)
    return GST_FLOW_OK;
  gst_structure_get(score, "anomalous", G_TYPE_BOOLEAN, &anomalous, "normalized", G_TYPE_DOUBLE, &normalized, NULL);
  draw_attached(frame, heatmap, opacity);
  if (border && anomalous)
    add_border(&composition, GST_VIDEO_FRAME_WIDTH(frame), GST_VIDEO_FRAME_HEIGHT(frame));
  if (bar && !isnan(normalized))
    add_bar(&composition, score, normalized, anomalous, GST_VIDEO_FRAME_WIDTH(frame), GST_VIDEO_FRAME_HEIGHT(frame));
  if (composition)
    gst_video_overlay_composition_blend(composition, frame);
  return GST_FLOW_OK;
}

static void
gst_cbigan_overlay_class_init(GstCbiganOverlayClass *class)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);

  object_class->set_property = gst_cbigan_overlay_set_property;
  object_class->get_property = gst_cbigan_overlay_get_property;
  g_object_class_install_property(object_class, PROP_HEATMAP,
                                  g_param_spec_boolean("heatmap", _("Heat map"),
                                                       _("Draw the coloured map that cbiganscore attached"), TRUE,
                                                       flags));
  g_object_class_install_property(
      object_class, PROP_BORDER,
      g_param_spec_boolean("border", _("Border"), _("Draw a red border around anomalous frames"), TRUE, flags));
  g_object_class_install_property(
      object_class, PROP_BAR,
      g_param_spec_boolean("bar", _("Bar"), _("Draw the normalized score as a bar with a mark at the threshold"), TRUE,
                           flags));
  g_object_class_install_property(object_class, PROP_OPACITY,
                                  g_param_spec_double("opacity", _("Opacity"),
                                                      _("Of the heat map (0 = invisible, 1 = as attached)"), 0, 1, 1,
                                                      flags | GST_PARAM_CONTROLLABLE));
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_metadata(element_class, _("CBiGAN overlay"), "Filter/Editor/Video",
                                 _("Draws heat map, score and verdict of cbiganscore into the frames"), CBIGAN_AUTHOR);
  GST_VIDEO_FILTER_CLASS(class)->transform_frame_ip = gst_cbigan_overlay_transform_frame_ip;
}

static void
gst_cbigan_overlay_init(GstCbiganOverlay *self)
{
  self->heatmap = self->border = self->bar = TRUE;
  self->opacity = 1;
}
