/* overlay_drawing.c - pictures that cbiganoverlay lays over a frame: maps in other colours, outlines, text, legend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a colour map: a value in CbiganColormap, its colours in colormaps[], and its row in the property's enum.
 */
#include "overlay_drawing.h"

#include <cairo.h>
#include <math.h>
#include <string.h>

#include "i18n.h"

#define NORMAL 0.42 /* normalized, below which maps are transparent: that of the core's colours */
#define THRESHOLD 32768
#define MOST_POINTS 8

typedef struct {
  guint8 r, g, b;
} Rgb;

/* Colours from NORMAL to 1 at equal distances, ended by a repetition of the last. */
static const struct {
  guint n;
  Rgb points[MOST_POINTS];
} colormaps[] = {
  [CBIGAN_COLORMAP_INFERNO] = { 6,
                                { { 101, 28, 109 },
                                  { 150, 44, 96 },
                                  { 212, 72, 66 },
                                  { 240, 110, 32 },
                                  { 249, 160, 12 },
                                  { 252, 255, 164 } } },
  [CBIGAN_COLORMAP_VIRIDIS] = { 5,
                                { { 68, 1, 84 },
                                  { 59, 82, 139 },
                                  { 33, 145, 140 },
                                  { 94, 201, 98 },
                                  { 253, 231, 37 } } },
  [CBIGAN_COLORMAP_TURBO] = { 7,
                              { { 48, 18, 59 },
                                { 70, 134, 251 },
                                { 27, 229, 180 },
                                { 164, 252, 60 },
                                { 251, 185, 56 },
                                { 227, 68, 10 },
                                { 122, 4, 3 } } },
  [CBIGAN_COLORMAP_GRAY] = { 2, { { 90, 90, 90 }, { 255, 255, 255 } } },
  [CBIGAN_COLORMAP_RED] = { 2, { { 255, 40, 40 }, { 255, 0, 0 } } },
};

/* Opacity, which rises as that of the core's colours. */
static const struct {
  double value;
  int alpha;
} opacities[] = {
  { NORMAL, 0 }, { 0.50, 100 }, { 0.58, 150 }, { 0.68, 180 }, { 0.80, 200 }, { 0.90, 215 }, { 1.0, 230 }
};

static Rgb
colour_of(CbiganColormap colormap, double value)
{
  const guint n = colormaps[colormap].n;
  const double at = CLAMP((value - NORMAL) / (1 - NORMAL), 0, 1) * (n - 1);
  const guint i = MIN((guint)at, n - 2);
  const Rgb *a = &colormaps[colormap].points[i], *b = a + 1;
  const double part = at - i;
  return (Rgb){ (guint8)(a->r + part * (b->r - a->r) + 0.5), (guint8)(a->g + part * (b->g - a->g) + 0.5),
                (guint8)(a->b + part * (b->b - a->b) + 0.5) };
}

static guint8
opacity_of(double value)
{
  guint i = 1;
  if (value <= NORMAL)
    return 0;
  while (i + 1 < G_N_ELEMENTS(opacities) && value > opacities[i].value)
    i++;
  const double part = (value - opacities[i - 1].value) / (opacities[i].value - opacities[i - 1].value);
  return (guint8)(opacities[i - 1].alpha + MIN(part, 1) * (opacities[i].alpha - opacities[i - 1].alpha) + 0.5);
}

/* B, G, R, A for every value of a heat map's upper byte. */
static void
make_table(CbiganColormap colormap, guint8 table[256][4])
{
  for (int i = 0; i < 256; i++) {
    const Rgb rgb = colour_of(colormap, i / 255.0);
    memcpy(table[i], (guint8[]){ rgb.b, rgb.g, rgb.r, opacity_of(i / 255.0) }, 4);
  }
}

/* A heat map that is mapped for reading. */
typedef struct {
  GstVideoFrame frame;
  int w, h;
} Heatmap;

static gboolean
heatmap_open(Heatmap *self, GstSample *sample)
{
  GstVideoInfo info;
  GstCaps *caps = gst_sample_get_caps(sample);
  if (!caps || !gst_video_info_from_caps(&info, caps) || GST_VIDEO_INFO_FORMAT(&info) != GST_VIDEO_FORMAT_GRAY16_LE ||
      !gst_video_frame_map(&self->frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ))
    return FALSE;
  self->w = GST_VIDEO_INFO_WIDTH(&info);
  self->h = GST_VIDEO_INFO_HEIGHT(&info);
  return TRUE;
}

static int
heat(const Heatmap *self, int x, int y)
{
  const guint8 *row = (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&self->frame, 0) +
                      (gsize)y * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&self->frame, 0);
  return GST_READ_UINT16_LE(row + 2 * (gsize)x);
}

static GstVideoOverlayRectangle *
rectangle_of(guint8 *pixels, int w, int h, const CbiganOverlayPlace *place, GstVideoOverlayFormatFlags flags)
{
  g_autoptr(GstBuffer) buffer = gst_buffer_new_wrapped(pixels, 4 * (gsize)w * (gsize)h);
  gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_BGRA, (guint)w, (guint)h);
  return gst_video_overlay_rectangle_new_raw(buffer, place->x, place->y, (guint)place->w, (guint)place->h, flags);
}

GstVideoOverlayRectangle *
cbigan_overlay_map(GstSample *heatmap, CbiganColormap colormap, const CbiganOverlayPlace *place)
{
  Heatmap map;
  guint8 table[256][4];
  if (!heatmap_open(&map, heatmap))
    return NULL;
  make_table(colormap, table);
  guint8 *pixels = g_try_malloc(4 * (gsize)map.w * (gsize)map.h);
  for (int y = 0; pixels && y < map.h; y++)
    for (int x = 0; x < map.w; x++)
      memcpy(pixels + 4 * ((gsize)y * (gsize)map.w + (gsize)x), table[heat(&map, x, y) >> 8], 4);
  gst_video_frame_unmap(&map.frame);
  return pixels ? rectangle_of(pixels, map.w, map.h, place, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE) : NULL;
}

/* --- drawing with cairo ------------------------------------------------------------------------------------------ */

/* The picture (w, h) that was drawn, at (x, y) of the frame. Frees surface and context. */
static GstVideoOverlayRectangle *
finish(cairo_t *cr, int x, int y)
{
  cairo_surface_t *surface = cairo_get_target(cr);
  cairo_surface_flush(surface);
  const int w = cairo_image_surface_get_width(surface), h = cairo_image_surface_get_height(surface);
  const gsize stride = (gsize)cairo_image_surface_get_stride(surface), row = 4 * (gsize)w;
  const guint8 *data = cairo_image_surface_get_data(surface);
  GstVideoOverlayRectangle *rectangle = NULL;
  guint8 *pixels = data ? g_try_malloc(row * (gsize)h) : NULL;
  if (pixels) {
    for (int i = 0; i < h; i++)
      memcpy(pixels + (gsize)i * row, data + (gsize)i * stride, row);
    rectangle = rectangle_of(pixels, w, h, &(CbiganOverlayPlace){ x, y, w, h },
                             GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  }
  cairo_destroy(cr);
  return rectangle;
}

static cairo_t *
begin(int w, int h)
{
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, w, h);
  cairo_t *cr = cairo_create(surface);
  cairo_surface_destroy(surface); /* the context holds it */
  return cr;
}

/* The point between two neighbours where the heat is that of the threshold: 0 to 1 */
static double
crossing(int a, int b)
{
  return (double)(THRESHOLD - a) / (double)(b - a);
}

/* The lines through a square of four neighbours (marching squares, Lorensen and Cline 1987). */
static void
add_lines(cairo_t *cr, const Heatmap *map, int x, int y)
{
  const int at[4][2] = { { x, y }, { x + 1, y }, { x + 1, y + 1 }, { x, y + 1 } };
  double points[4][2];
  int n = 0;
  for (int i = 0; i < 4; i++) {
    const int *from = at[i], *to = at[(i + 1) % 4];
    const int a = heat(map, from[0], from[1]), b = heat(map, to[0], to[1]);
    if ((a > THRESHOLD) == (b > THRESHOLD))
      continue;
    const double part = crossing(a, b);
    points[n][0] = from[0] + part * (to[0] - from[0]) + 0.5;
    points[n++][1] = from[1] + part * (to[1] - from[1]) + 0.5;
  }
  for (int i = 0; i + 1 < n; i += 2) {
    cairo_move_to(cr, points[i][0], points[i][1]);
    cairo_line_to(cr, points[i + 1][0], points[i + 1][1]);
  }
}

GstVideoOverlayRectangle *
cbigan_overlay_contours(GstSample *heatmap, double line_width, const CbiganOverlayPlace *place)
{
  Heatmap map;
  if (!heatmap_open(&map, heatmap))
    return NULL;
  cairo_t *cr = begin(place->w, place->h);
  cairo_save(cr);
  cairo_scale(cr, (double)place->w / map.w, (double)place->h / map.h);
  for (int y = 0; y + 1 < map.h; y++)
    for (int x = 0; x + 1 < map.w; x++)
      add_lines(cr, &map, x, y);
  cairo_restore(cr); /* the line's width is that of the frame's pixels */
  gst_video_frame_unmap(&map.frame);
  double left, top, right, bottom;
  cairo_path_extents(cr, &left, &top, &right, &bottom);
  if (!(right > left || bottom > top)) {
    cairo_destroy(cr);
    return NULL;
  }
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
  cairo_set_source_rgba(cr, 0, 0, 0, 0.6); /* a dark rim, so that it is seen on bright pictures */
  cairo_set_line_width(cr, 2 * line_width);
  cairo_stroke_preserve(cr);
  cairo_set_source_rgb(cr, 1, 0.9, 0.2);
  cairo_set_line_width(cr, line_width);
  cairo_stroke(cr);
  return finish(cr, place->x, place->y);
}

static void
choose_font(cairo_t *cr, double size)
{
  cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
  cairo_set_font_size(cr, size);
}

static double
widest(char **lines, double size)
{
  cairo_t *cr = begin(1, 1);
  double width = 0;
  choose_font(cr, size);
  for (; *lines; lines++) {
    cairo_text_extents_t extents;
    cairo_text_extents(cr, *lines, &extents);
    width = MAX(width, extents.x_advance);
  }
  cairo_destroy(cr);
  return width;
}

GstVideoOverlayRectangle *
cbigan_overlay_text(char **lines, double size, int x, int y, int width)
{
  const guint n = g_strv_length(lines);
  if (!n)
    return NULL;
  const int margin = (int)ceil(size / 3), w = MIN((int)ceil(widest(lines, size)) + 2 * margin, MAX(width, 1));
  const int h = (int)ceil(n * 1.25 * size) + margin;
  cairo_t *cr = begin(w, h);
  cairo_set_source_rgba(cr, 0, 0, 0, 0.6);
  cairo_paint(cr);
  cairo_set_source_rgb(cr, 1, 1, 1);
  choose_font(cr, size);
  for (guint i = 0; i < n; i++) {
    cairo_move_to(cr, margin, margin / 2.0 + (i + 0.9) * 1.25 * size);
    cairo_show_text(cr, lines[i]);
  }
  return finish(cr, x, y);
}

static void
draw_mark(cairo_t *cr, const char *label, double value, double bar_width, double top, double length, double size)
{
  const double y = top + (1 - (value - NORMAL) / (1 - NORMAL)) * length;
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_rectangle(cr, 0, y - 1, bar_width + size / 3, 2);
  cairo_fill(cr);
  cairo_move_to(cr, bar_width + size / 2, y + size / 3);
  cairo_show_text(cr, label);
}

GstVideoOverlayRectangle *
cbigan_overlay_legend(CbiganColormap colormap, double size, gboolean left, int width, int height)
{
  char *labels[] = { (char *)"1", (char *)_("threshold"), NULL };
  const double bar = size, length = MAX(height * 0.4, 4 * size), text = widest(labels, size * 0.8);
  const int w = MIN((int)ceil(bar + size / 2 + text + size / 3), width), h = MIN((int)ceil(length + 2 * size), height);
  cairo_t *cr = begin(w, h);
  cairo_set_source_rgba(cr, 0, 0, 0, 0.6);
  cairo_paint(cr);
  for (int i = 0; i < (int)length; i++) {
    const Rgb rgb = colour_of(colormap, NORMAL + (1 - NORMAL) * (1 - i / length));
    cairo_set_source_rgb(cr, rgb.r / 255.0, rgb.g / 255.0, rgb.b / 255.0);
    cairo_rectangle(cr, 0, size + i, bar, 1);
    cairo_fill(cr);
  }
  choose_font(cr, size * 0.8);
  draw_mark(cr, labels[1], 0.5, bar, size, length, size);
  draw_mark(cr, labels[0], 1.0, bar, size, length, size);
  const int margin = (int)size / 2;
  return finish(cr, left ? margin : MAX(width - w - margin, 0), MAX((height - h) / 2, 0));
}
