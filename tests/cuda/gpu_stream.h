/* gpu_stream.h - a cbiganscore in a harness, and frames for it in the emulated GPU's memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "stream.h"

G_BEGIN_DECLS

/* more: properties besides the model. frame: side of the model's frame, 0 = any size */
Stream gpu_stream_new(int frame, const char *more);
void gpu_stream_set_caps(Stream *stream, GstVideoFormat format, int width, int height);
GstCaps *gpu_caps_new(const GstVideoInfo *info);
/* A copy of the buffer with its pixels in GPU memory (transfer full). meta: it has a GstVideoMeta with the planes. */
GstBuffer *gpu_buffer_new(const GstVideoInfo *info, GstBuffer *buffer, GstObject *context, gboolean meta);
/* Ends the test if there is an error or a warning on the bus. */
void gpu_stream_check(Stream *stream);
/* Expects one error that matches the pattern, and that the element can be stopped then. */
void gpu_stream_check_error(Stream *stream, const char *words);
/* Calls lose(n) for growing n < most, with growing steps. Each call has a process of its own, as a lost device stays
 * lost. */
void gpu_stream_lose(void (*lose)(int after), int most);

G_END_DECLS
