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

/* Makes the element and sets it to PLAYING, with a source that is not live; aborts where that fails. properties: as on
 * a launch line, "model=... score=paper". Free with stream_clear(). */
Stream stream_new(const char *properties);
/* As above, with a model of side x side pixels and RGB caps of that size; the properties are `usual` and `more`. */
Stream stream_open(int side, const char *usual, const char *more);
/* As above, with caps of width x height. */
Stream stream_open_video(int side, int width, int height, const char *usual, const char *more);
void stream_clear(Stream *self);
/* Sends caps of that video, 25 frames per second. */
void stream_set_caps(Stream *self, GstVideoFormat format, int width, int height);
/* A buffer of the stream's caps with a picture of cloth (transfer full). Frame n begins at n * 40 ms. */
GstBuffer *stream_frame(const Stream *self, guint n, gboolean hole);
/* Converts (width, height, 3) bytes of RGB to a buffer with the format, the strides and the planes of `info` (transfer
 * full). */
GstBuffer *frame_from_rgb(const GstVideoInfo *info, const guint8 *rgb, int width, int height);
/* A larger buffer with the picture of `plain` at that place, and a GstVideoMeta and a GstVideoCropMeta that say so
 * (transfer full). Component p of the format must be the first one of plane p. left, top: even for subsampled formats
 */
GstBuffer *frame_with_border(const GstVideoInfo *info, GstBuffer *plain, int left, int top);
/* Pushes a buffer (transfer full), checks that it passes, and returns the buffer that comes out (transfer full). */
GstBuffer *stream_push(Stream *self, GstBuffer *buffer);
/* The fields of the buffer's CbiganScore (transfer none); aborts where the buffer has none. */
const GstStructure *score_of(GstBuffer *buffer);
double number_of(const GstStructure *structure, const char *field);
gboolean flag_of(const GstStructure *structure, const char *field);
/* Lets a GstController set a property: to `first` until the stream's time `at`, then to `later`. */
void stream_control(Stream *self, const char *property, double first, GstClockTime at, double later);
/* The next message of that type on the bus (transfer full); NULL = none. */
GstMessage *stream_message(Stream *self, GstMessageType type);

G_END_DECLS
