/* video_input.h - the one way from raw video to what a model sees; used by the element and the trainer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GstVideoConverter, any video/x-raw format -> RGB, resized to the model's frame with linear resampling (its taps widen
 * when shrinking, so it averages), full-range matrix, no dithering. One object per stream, one thread at a time.
 */
#pragma once
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct _CbiganVideoInput CbiganVideoInput;

/* width, height: the model's frame; 0 x 0 keeps the stream's size. NULL with GST_CORE_ERROR_NEGOTIATION naming the
 * format. */
CbiganVideoInput *cbigan_video_input_new(const GstVideoInfo *info, int width, int height, GError **error);
void cbigan_video_input_free(CbiganVideoInput *self);
/* RGB rows of the converted frame, or of `frame` itself where that is what a model wants: valid until the next call and
 * for as long as `frame` stays mapped (for reading). *width, *height, *stride as CbiganFrame has them. */
const guint8 *cbigan_video_input_convert(CbiganVideoInput *self, GstVideoFrame *frame, int *width, int *height,
                                         gsize *stride);

/* How many taps the resampler is asked for, 0 = its own choice: for those who do the same elsewhere. */
guint cbigan_video_input_taps(int from_width, int from_height, int to_width, int to_height);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganVideoInput, cbigan_video_input_free)

G_END_DECLS
