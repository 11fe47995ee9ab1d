/* overlay_drawing.h - pictures that cbiganoverlay lays over a frame: maps in other colours, outlines, text, legend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All functions return rectangles for an overlay composition (transfer full). GStreamer blends them into a frame of any
 * format without converting it.
 */
#pragma once
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef enum {
  CBIGAN_COLORMAP_INFERNO, /* as cbiganscore attaches it */
  CBIGAN_COLORMAP_VIRIDIS,
  CBIGAN_COLORMAP_TURBO,
  CBIGAN_COLORMAP_GRAY,
  CBIGAN_COLORMAP_RED
} CbiganColormap;

/* Where something lies on a frame, pixels. */
typedef struct {
  int x, y, w, h;
} CbiganOverlayPlace;

/* A heat map (GRAY16_LE, 32768 = the threshold) in colours, transparent where normal. NULL: it can't be read. */
GstVideoOverlayRectangle *cbigan_overlay_map(GstSample *heatmap, CbiganColormap colormap,
                                             const CbiganOverlayPlace *place);
/* Lines around the parts of a heat map above the threshold. NULL: none is, or the map can't be read. */
GstVideoOverlayRectangle *cbigan_overlay_contours(GstSample *heatmap, double line_width,
                                                  const CbiganOverlayPlace *place);
/* Lines of text on a dark box, whose upper left corner lies at (x, y). size: of the letters, pixels; width: of the box
 * at most. NULL: there is no text. */
GstVideoOverlayRectangle *cbigan_overlay_text(char **lines, double size, int x, int y, int width);
/* The colours from normal to 1, with marks at the threshold and at 1; at the right or left side of a frame of that
 * size.
 */
GstVideoOverlayRectangle *cbigan_overlay_legend(CbiganColormap colormap, double size, gboolean left, int width,
                                                int height);

G_END_DECLS
