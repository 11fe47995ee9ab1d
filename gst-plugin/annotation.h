/* annotation.h - a scored frame's result, in the forms that go on buffers and on the bus
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Made once a scored frame; the frames that carry it over share its heat map and overlay. To add a field: one line in
 * cbigan_annotation_fields() and one in the SECTION page of cbiganscore.
 */
#pragma once
#include <cbigan.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/* Buffers of one size from a pool; the pool is made anew when the size changes. */
typedef struct {
  GstBufferPool *pool;
  GstVideoInfo info;
  GstCaps *caps;
} CbiganPicturePool;

typedef struct {
  CbiganResult result;
  gboolean valid;                    /* a frame has been scored */
  GstClockTime pts;                  /* of that frame */
  guint event_id;                    /* 0 = no anomaly is on */
  char *model;                       /* path */
  GstSample *heatmap;                /* GRAY16_LE; NULL without a threshold or a map */
  GstVideoOverlayRectangle *overlay; /* NULL: not asked for, or no region over the threshold */
  CbiganPicturePool gray, colour;
} CbiganAnnotation;

/* After self->result was filled: makes heat map and, if asked for, overlay, which covers `info`. FALSE: out of memory.
 */
gboolean cbigan_annotation_update(CbiganAnnotation *self, const GstVideoInfo *info, gboolean overlay);
/* Forgets the frame; the pools stay. */
void cbigan_annotation_reset(CbiganAnnotation *self);
void cbigan_annotation_clear(CbiganAnnotation *self);

/* Sets every field except `heatmap` and the times. */
void cbigan_annotation_fields(const CbiganAnnotation *self, gboolean stale, GstStructure *structure);
/* Puts the custom meta, the overlay and, if asked for, one GstVideoRegionOfInterestMeta a region on the buffer. */
void cbigan_annotation_attach(const CbiganAnnotation *self, gboolean stale, gboolean regions, const GstVideoInfo *info,
                              GstBuffer *buffer);

G_END_DECLS
