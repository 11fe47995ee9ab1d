/* video_input.h - the one way from raw video to what a model sees; used by the element and the trainer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A GstVideoConverter makes RGB of the model's frame size from any video/x-raw format. It resizes with linear
 * resampling, whose taps widen when it shrinks the picture, converts with the full-range matrix, and does not dither.
 */
#pragma once
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct _CbiganVideoInput CbiganVideoInput;

/* Makes a converter for one stream. width, height: the model's frame size in pixels; 0 x 0 keeps the stream's size.
 * Free with cbigan_video_input_free(). One thread at a time. NULL with GST_CORE_ERROR_NEGOTIATION, which names the
 * format. */
CbiganVideoInput *cbigan_video_input_new(const GstVideoInfo *info, int width, int height, GError **error);
void cbigan_video_input_free(CbiganVideoInput *self);
/* Returns the RGB rows of the converted frame, or of `frame` itself where that is what a model wants. The rows are
 * valid until the next call, and no longer than `frame` stays mapped for reading. *width, *height in pixels and *stride
 * in bytes are as in CbiganFrame. */
const guint8 *cbigan_video_input_convert(CbiganVideoInput *self, GstVideoFrame *frame, int *width, int *height,
                                         gsize *stride);

/* The number of taps that the resampler is asked for, for code that resizes likewise; 0 = the resampler's choice. */
guint cbigan_video_input_taps(int from_width, int from_height, int to_width, int to_height);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganVideoInput, cbigan_video_input_free)

G_END_DECLS
