/* stream.h - a cbiganscore in a harness, and frames for it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct {
  GstHarness *harness;
  GstElement *element;
  GstBus *bus;
  GstVideoInfo info;
} Stream;

/* properties: as on a launch line, "model=... score=paper". The element goes to PLAYING; it must work. */
Stream stream_new(const char *properties);
void stream_clear(Stream *self);
/* Sends caps of 25 frames a second. */
void stream_set_caps(Stream *self, GstVideoFormat format, int width, int height);
/* A buffer of the stream's caps with a picture of cloth; frame n lasts from n * 40 ms on. */
GstBuffer *stream_frame(const Stream *self, guint n, gboolean hole);
/* Converts (width, height, 3) bytes of RGB to a buffer of that video; strides and planes as `info` has them. */
GstBuffer *frame_from_rgb(const GstVideoInfo *info, const guint8 *rgb, int width, int height);
/* Pushes the buffer, checks that it passes, and returns what comes out. */
GstBuffer *stream_push(Stream *self, GstBuffer *buffer);
/* The buffer's CbiganScore; fails where there is none. */
const GstStructure *score_of(GstBuffer *buffer);
double number_of(const GstStructure *structure, const char *field);
gboolean flag_of(const GstStructure *structure, const char *field);
/* Next message of that type on the bus, or NULL. */
GstMessage *stream_message(Stream *self, GstMessageType type);

G_END_DECLS
