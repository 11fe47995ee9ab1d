/* meta.h - the metas that carry a score and its place on the buffers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * `CbiganScore` is a GstCustomMeta: gst_buffer_get_custom_meta (buffer, "CbiganScore") gives it in any language, and
 * gst_custom_meta_get_structure() its fields, which the SECTION page of cbiganscore lists. Every element that makes new
 * buffers copies it, as it has no tags.
 *
 * CbiganPlaceMeta, private to this plugin, says where on the picture the score belongs. It has the tags of a meta that
 * depends on size and orientation. So a scaler transforms it, and elements that move pixels otherwise drop it. The
 * place always stands before the score on a buffer: when the score is copied, a missing place tells that the pixels
 * were moved, and the copy loses its regions and its heat map.
 */
#pragma once
#include <gst/video/video.h>

#include "video_crop.h"

G_BEGIN_DECLS

#define CBIGAN_SCORE_META "CbiganScore"

typedef struct {
  GstMeta meta;
  double x, y, w, h;             /* the scored part, in fractions of the buffer's whole picture */
  GstVideoOverlayRectangle *map; /* the map in colours, which covers that part; NULL = nothing to draw */
} CbiganPlaceMeta;

/* Once, when the plugin is loaded. */
void cbigan_metas_register(void);

/* Adds the place and the score of a picture to a writable buffer. part: what was scored; map: as in CbiganPlaceMeta
 * (transfer none). Returns the structure of the score, to be filled. A score that was on the buffer moves into the
 * field `previous` of the new one. An overlay composition with the map must be attached before. */
GstStructure *cbigan_score_meta_add(GstBuffer *buffer, const CbiganVideoPart *part, GstVideoOverlayRectangle *map);
/* The fields of the buffer's custom meta of that name; NULL = the buffer has none (transfer none). */
const GstStructure *cbigan_meta_get(GstBuffer *buffer, const char *name);
/* The next place on the buffer; NULL = no more. *state: NULL at the begin. */
CbiganPlaceMeta *cbigan_place_meta_next(GstBuffer *buffer, gpointer *state);

/* A composition of GstVideoOverlayRectangle (transfer full); NULL: there are none. */
GstVideoOverlayComposition *cbigan_composition_new(const GPtrArray *rectangles);
/* Replaces the buffer's overlay composition by one of these rectangles; without any, the composition is removed. */
void cbigan_composition_set(GstBuffer *buffer, GPtrArray *rectangles);
/* Whether the rectangle shows the map of one of the buffer's places, at any size. */
gboolean cbigan_is_map(GstBuffer *buffer, const GstVideoOverlayRectangle *rectangle);

G_END_DECLS
