/* gpu_stream.h - a cbiganscore in a harness, and frames for it in the emulated GPU's memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "stream.h"

G_BEGIN_DECLS

/* more: properties besides the model, which is for frames of that side (0: any) */
Stream gpu_stream_new(int frame, const char *more);
void gpu_stream_set_caps(Stream *stream, GstVideoFormat format, int width, int height);
GstCaps *gpu_caps_new(const GstVideoInfo *info);
/* The buffer with its pixels in GPU memory instead. meta: where the planes lie stands in a GstVideoMeta too. */
GstBuffer *gpu_buffer_new(const GstVideoInfo *info, GstBuffer *buffer, GstObject *context, gboolean meta);
/* There is neither an error nor a warning on the bus. */
void gpu_stream_check(Stream *stream);
/* One error, in which these words are; then nothing more comes, and the element stops. */
void gpu_stream_check_error(Stream *stream, const char *words);
/* Calls lose(1), lose(2), ... up to `most`, ever fewer of them: each in a process of its own, as a device that is lost
 * stays lost. */
void gpu_stream_lose(void (*lose)(int after), int most);

G_END_DECLS
