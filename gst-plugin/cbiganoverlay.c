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
 * - with text=true, score and threshold in numbers, and those of the areas of `roi`
 * - with camera=NAME, that name
 * - with contours=true, lines around the parts of the map above the threshold
 * - with legend=true, the colours of the map and where the threshold lies among them
 *
 * Frames without a `CbiganScore` pass unchanged. The overlays that were drawn are removed from the buffer, so that no
 * sink draws them a second time. The `CbiganScore` itself stays. After elements that move the pixels (videocrop,
 * videoflip, videobox: see cbiganscore) bar and border are drawn, but no map: put this element before them.
 *
 * The map is drawn from the overlay that cbiganscore attached, and otherwise from its heat map: with overlay=none, with
 * another `colormap`, and for `contours`. A result that is older than `expiry` is not drawn at all. Everything is
 * blended into the frame in its own format, so YUV video is not converted.
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
#include "meta.h"
#include "overlay_drawing.h"
#include "properties.h"

typedef struct {
  gboolean heatmap, border, bar, text, contours, legend;
  double opacity;
  CbiganColormap colormap;
  guint text_size; /* pixels; 0 = by the frame's height */
  guint64 expiry;  /* ns; 0 = never */
  char *camera;    /* NULL = none */
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

CBIGAN_DEFINE_ENUM(CbiganColormap, colormap_get_type,
                   { CBIGAN_COLORMAP_INFERNO, N_("Purple, red, yellow: as cbiganscore attaches it"), "inferno" },
                   { CBIGAN_COLORMAP_VIRIDIS, N_("Purple, green, yellow"), "viridis" },
                   { CBIGAN_COLORMAP_TURBO, N_("Blue, green, yellow, red"), "turbo" },
                   { CBIGAN_COLORMAP_GRAY, N_("Grey to white"), "gray" }, { CBIGAN_COLORMAP_RED, N_("Red"), "red" })

#define OPTION(kind, field) CBIGAN_PROPERTY_##kind, offsetof(Options, field)
#define LIVE GST_PARAM_MUTABLE_PLAYING

static const CbiganProperty properties[] = {
  { "heatmap", OPTION(BOOLEAN, heatmap), .initial = TRUE, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Heat map"), .blurb = N_("Draw the coloured map that cbiganscore attached") },
  { "border", OPTION(BOOLEAN, border), .initial = TRUE, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Border"),
    .blurb = N_("Draw a red border around anomalous frames") },
  { "bar", OPTION(BOOLEAN, bar), .initial = TRUE, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Bar"),
    .blurb = N_("Draw the normalized score as a bar with a mark at the threshold") },
  { "opacity", OPTION(DOUBLE, opacity), 0, 1, 1, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Opacity"),
    .blurb = N_("Of the heat map (0 = invisible, 1 = as attached)") },
  { "text", OPTION(BOOLEAN, text), .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Text"),
    .blurb = N_("Write score and threshold") },
  { "text-size", OPTION(UINT, text_size), 0, 1000, 0, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Text size"),
    .blurb = N_("Height of the letters in pixels (0 = a thirtieth of the frame's height, at least 10)") },
  { "camera", OPTION(STRING, camera), .flags = LIVE, .nick = N_("Camera"),
    .blurb = N_("Name of the camera, written above the score; empty = none") },
  { "legend", OPTION(BOOLEAN, legend), .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Legend"),
    .blurb = N_("Draw what the colours of the map mean") },
  { "contours", OPTION(BOOLEAN, contours), .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Contours"),
    .blurb = N_("Draw lines around the parts of the map above the threshold") },
  { "colormap", OPTION(ENUM, colormap), .initial = CBIGAN_COLORMAP_INFERNO, .type = colormap_get_type,
    .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Colour map"), .blurb = N_("Colours of the heat map") },
  { "expiry", OPTION(UINT64, expiry), .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Expiry"),
    .blurb = N_("Age in nanoseconds above which a result is not drawn (0 = any is)") },
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

static CbiganOverlayPlace
place_on_frame(const CbiganPlaceMeta *place, int width, int height)
{
  return (CbiganOverlayPlace){ .x = (int)lround(place->x * width),
                               .y = (int)lround(place->y * height),
                               .w = MAX((int)lround(place->w * width), 1),
                               .h = MAX((int)lround(place->h * height), 1) };
}

/* The attached map at that place (transfer full). */
static GstVideoOverlayRectangle *
attached_map(GstVideoOverlayRectangle *map, const CbiganOverlayPlace *at)
{
  GstBuffer *pixels = gst_video_overlay_rectangle_get_pixels_unscaled_raw(map, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  return gst_video_overlay_rectangle_new_raw(pixels, at->x, at->y, (guint)at->w, (guint)at->h,
                                             GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
}

/* The scores of the buffer in the order of its places: `previous`, then the last one (containers only). */
static GPtrArray *
all_scores(const GstStructure *score)
{
  GPtrArray *scores = g_ptr_array_new();
  const GValue *previous = gst_structure_get_value(score, "previous");
  for (guint i = 0; previous && i < gst_value_array_get_size(previous); i++)
    g_ptr_array_add(scores, (gpointer)gst_value_get_structure(gst_value_array_get_value(previous, i)));
  g_ptr_array_add(scores, (gpointer)score);
  return scores;
}

/* Its heat map, if a region of it is above the threshold: colours below would make good frames look doubtful. */
static GstSample *
hot_map(const GstStructure *score)
{
  const GValue *map = gst_structure_get_value(score, "heatmap"), *regions = gst_structure_get_value(score, "regions");
  return map && regions && gst_value_array_get_size(regions) ? gst_value_get_sample(map) : NULL;
}

static void
add_if(GPtrArray *rectangles, GstVideoOverlayRectangle *rectangle)
{
  if (rectangle)
    g_ptr_array_add(rectangles, rectangle);
}

/* Adds map and contours of one score. */
static void
add_map(GPtrArray *rectangles, const GstStructure *score, const CbiganPlaceMeta *place, const Options *options,
        int width, int height)
{
  const CbiganOverlayPlace at = place_on_frame(place, width, height);
  GstSample *heatmap = hot_map(score);
  GstVideoOverlayRectangle *map = NULL;
  if (options->heatmap && place->map && (options->colormap == CBIGAN_COLORMAP_INFERNO || !heatmap))
    map = attached_map(place->map, &at);
  else if (options->heatmap && heatmap)
    map = cbigan_overlay_map(heatmap, options->colormap, &at);
  if (map)
    gst_video_overlay_rectangle_set_global_alpha(map, (float)options->opacity);
  add_if(rectangles, map);
  if (options->contours && heatmap)
    add_if(rectangles, cbigan_overlay_contours(heatmap, MAX(height / 300.0, 1), &at));
}

/* Draws the maps, after what other elements attached, and takes both off the buffer. */
static void
draw_attached(GstVideoFrame *frame, const GstStructure *score, const Options *options)
{
  GstBuffer *buffer = frame->buffer;
  GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta(buffer);
  g_autoptr(GPtrArray) rectangles = new_rectangles(), scores = all_scores(score);
  gpointer state = NULL;
  guint n = 0, next = 0;
  for (guint i = 0; options->heatmap && meta && i < gst_video_overlay_composition_n_rectangles(meta->overlay); i++) {
    GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle(meta->overlay, i);
    if (!cbigan_is_map(buffer, rectangle))
      g_ptr_array_add(rectangles, gst_video_overlay_rectangle_ref(rectangle));
  }
  while (cbigan_place_meta_next(buffer, &state))
    n++;
  state = NULL;
  next = scores->len - MIN(n, scores->len); /* the first places may have been dropped with moved pixels */
  for (CbiganPlaceMeta *place; (place = cbigan_place_meta_next(buffer, &state));) {
    if (next < scores->len)
      add_map(rectangles, scores->pdata[next++], place, options, GST_VIDEO_FRAME_WIDTH(frame),
              GST_VIDEO_FRAME_HEIGHT(frame));
    if (options->heatmap)
      g_clear_pointer(&place->map, gst_video_overlay_rectangle_unref);
  }
  draw_rectangles(rectangles, frame);
  if (options->heatmap && meta)
    gst_buffer_remove_video_overlay_composition_meta(buffer, meta);
}

/* --- text --- */

static void
add_line(GPtrArray *lines, const GstStructure *result, const char *name)
{
  double score = NAN, threshold = NAN;
  gst_structure_get(result, "score", G_TYPE_DOUBLE, &score, "threshold", G_TYPE_DOUBLE, &threshold, NULL);
  g_autofree char *limit = isnan(threshold) ? g_strdup("") : g_strdup_printf(" / %.4g", threshold);
  g_ptr_array_add(lines, g_strdup_printf("%s%s%.4g%s", name, *name ? ": " : "", score, limit));
}

/* The camera's name, score / threshold, and the same of every area (transfer full). */
static char **
new_lines(const GstStructure *score, const Options *options)
{
  GPtrArray *lines = g_ptr_array_new();
  const GValue *areas = gst_structure_get_value(score, "areas");
  if (options->camera && *options->camera)
    g_ptr_array_add(lines, g_strdup(options->camera));
  if (options->text)
    add_line(lines, score, "");
  for (guint i = 0; options->text && areas && i < gst_value_array_get_size(areas); i++) {
    const GstStructure *area = gst_value_get_structure(gst_value_array_get_value(areas, i));
    add_line(lines, area, gst_structure_get_string(area, "name"));
  }
  g_ptr_array_add(lines, NULL);
  return (char **)g_ptr_array_free(lines, FALSE);
}

/* Whether a region of the score lies in the columns from..end, fractions of the frame. */
static gboolean
has_region_beside(const GstStructure *score, double from, double end)
{
  const GValue *regions = gst_structure_get_value(score, "regions");
  for (guint i = 0; regions && i < gst_value_array_get_size(regions); i++) {
    const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, i));
    double x = 0, w = 0;
    gst_structure_get(region, "x", G_TYPE_DOUBLE, &x, "w", G_TYPE_DOUBLE, &w, NULL);
    if (x < end && x + w > from)
      return TRUE;
  }
  return FALSE;
}

static void
add_text(GPtrArray *rectangles, const GstStructure *score, const Options *options, int width, int height)
{
  const double size = options->text_size ? (double)options->text_size : MAX(height / 30.0, 10.0);
  const int margin = MAX(MIN(width, height) / 40, 1);
  g_auto(GStrv) lines = new_lines(score, options);
  add_if(rectangles, cbigan_overlay_text(lines, size, margin, margin, width - 2 * margin));
  if (options->legend)
    add_if(rectangles, cbigan_overlay_legend(options->colormap, size,
                                             has_region_beside(score, 0.75, 1) && !has_region_beside(score, 0, 0.25),
                                             width, height));
}

/* Whether the result is too old to be drawn. */
static gboolean
is_expired(const GstStructure *score, const Options *options, GstBuffer *buffer)
{
  guint64 scored = GST_CLOCK_TIME_NONE;
  const GstClockTime now = GST_BUFFER_PTS(buffer);
  gst_structure_get_uint64(score, "scored-pts", &scored);
  return options->expiry && GST_CLOCK_TIME_IS_VALID(scored) && GST_CLOCK_TIME_IS_VALID(now) && now > scored &&
         now - scored > options->expiry;
}

/* So that no sink draws them either. */
static void
remove_maps(GstBuffer *buffer)
{
  GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta(buffer);
  g_autoptr(GPtrArray) others = new_rectangles();
  gpointer state = NULL;
  for (guint i = 0; meta && i < gst_video_overlay_composition_n_rectangles(meta->overlay); i++) {
    GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle(meta->overlay, i);
    if (!cbigan_is_map(buffer, rectangle))
      g_ptr_array_add(others, gst_video_overlay_rectangle_ref(rectangle));
  }
  if (meta)
    cbigan_composition_set(buffer, others);
  for (CbiganPlaceMeta *place; (place = cbigan_place_meta_next(buffer, &state));)
    g_clear_pointer(&place->map, gst_video_overlay_rectangle_unref);
}

static Options
take_options(GstCbiganOverlay *self)
{
  GST_OBJECT_LOCK(self);
  Options options = self->options;
  options.camera = g_strdup(options.camera);
  GST_OBJECT_UNLOCK(self);
  return options;
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
  cbigan_properties_sync(GST_OBJECT(self), &GST_BASE_TRANSFORM(filter)->segment, frame->buffer);
  const Options options = take_options(self);
  g_autofree char *camera = options.camera;
  if (!cbigan_video_part_find(&part, &filter->in_info, frame->buffer, &error)) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("%s", error->message), (NULL));
    return GST_FLOW_ERROR;
  }
  if (is_expired(score, &options, frame->buffer)) {
    remove_maps(frame->buffer);
    return GST_FLOW_OK;
  }
  cbigan_video_part_crop(&part, &visible);
  gst_structure_get(score, "anomalous", G_TYPE_BOOLEAN, &anomalous, "normalized", G_TYPE_DOUBLE, &normalized, NULL);
  if (options.heatmap || options.contours)
    draw_attached(frame, score, &options);
  if (options.border && anomalous)
    add_border(rectangles, part.width, part.height);
  if (options.bar && !isnan(normalized))
    add_bar(rectangles, score, normalized, anomalous, part.width, part.height);
  add_text(rectangles, score, &options, part.width, part.height);
  draw_rectangles(rectangles, &visible);
  return GST_FLOW_OK;
}

static void
gst_cbigan_overlay_finalize(GObject *object)
{
  g_free(GST_CBIGAN_OVERLAY(object)->options.camera);
  G_OBJECT_CLASS(gst_cbigan_overlay_parent_class)->finalize(object);
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
  object_class->finalize = gst_cbigan_overlay_finalize;
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
