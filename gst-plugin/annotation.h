/* annotation.h - a scored frame's result, in the forms that go on buffers and on the bus
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The annotation is made once per scored frame. Later frames that carry the result share its heat map and its overlay.
 * To add a field: one line in cbigan_annotation_fields() and one in the SECTION page of cbiganscore.
 */
#pragma once
#include <cbigan.h>
#include <gst/video/video.h>

#include "video_crop.h"

G_BEGIN_DECLS

/* A pool of pictures of one size. A picture of another size replaces the pool. */
typedef struct {
  GstBufferPool *pool;
  GstVideoInfo info;
  GstCaps *caps;
} CbiganPicturePool;

/* Starts zeroed. */
typedef struct {
  CbiganResult result;
  gboolean valid;                    /* a frame has been scored */
  gboolean corrupted;                /* that frame's buffer was flagged as corrupted */
  GstClockTime pts, running_time;    /* of that frame */
  guint event_id;                    /* 0 = no anomaly is on */
  char *model;                       /* path */
  char *name;                        /* of the element */
  guint faults;                      /* what is wrong with the stream: bits of CbiganHealthKind */
  GstBuffer *mask;                   /* of analytics.h, or NULL */
  GstSample *heatmap;                /* GRAY16_LE; NULL = there is no threshold or no map */
  GstVideoOverlayRectangle *overlay; /* NULL = not asked for, or no region is over the threshold */
  CbiganPicturePool gray, colour;
} CbiganAnnotation;

/* Makes heat map and overlay of self->result. width, height: of the frame that the overlay covers, in pixels; overlay:
 * whether one is wanted. FALSE: out of memory. */
gboolean cbigan_annotation_update(CbiganAnnotation *self, int width, int height, gboolean overlay);
/* Forgets the frame. The pools stay. */
void cbigan_annotation_reset(CbiganAnnotation *self);
/* Makes self the same result as `other`, without its map's numbers and its pools. Heat map and overlay are shared. */
void cbigan_annotation_copy(CbiganAnnotation *self, const CbiganAnnotation *other);
/* Frees all that the annotation owns. */
void cbigan_annotation_clear(CbiganAnnotation *self);

/* Sets every field except `heatmap` and the times of messages. */
void cbigan_annotation_fields(const CbiganAnnotation *self, gboolean stale, GstStructure *structure);
/* Puts on the buffer: the overlay, the score and its place, and with `regions` one GstVideoRegionOfInterestMeta per
 * region and the metadata of analytics.h. part: the visible part of the buffer's picture */
void cbigan_annotation_attach(const CbiganAnnotation *self, gboolean stale, gboolean regions,
                              const CbiganVideoPart *part, GstBuffer *buffer);

G_END_DECLS
