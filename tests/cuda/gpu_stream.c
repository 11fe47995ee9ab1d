/* gpu_stream.c - a cbiganscore in a harness, and frames for it in the emulated GPU's memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gpu_stream.h"

#include <stdlib.h>
#include <string.h>

#include "cuda/cuda_video.h"
#include "gstcuda.h"
#include "test_model.h"

Stream
gpu_stream_new(int frame, const char *more)
{
  g_autofree char *model = test_model_write(frame, 1);
  g_autofree char *properties = g_strdup_printf("model=%s %s", model, more);
  return stream_new(properties);
}

GstCaps *
gpu_caps_new(const GstVideoInfo *info)
{
  GstCaps *caps = gst_video_info_to_caps(info);
  gst_caps_set_features_simple(caps, gst_caps_features_from_string(CBIGAN_CUDA_VIDEO_FEATURE));
  return caps;
}

void
gpu_stream_set_caps(Stream *stream, GstVideoFormat format, int width, int height)
{
  gst_video_info_set_format(&stream->info, format, (guint)width, (guint)height);
  stream->info.fps_n = 25;
  stream->info.fps_d = 1;
  gst_harness_set_src_caps(stream->harness, gpu_caps_new(&stream->info));
}

GstBuffer *
gpu_buffer_new(const GstVideoInfo *info, GstBuffer *buffer, GstObject *context, gboolean meta)
{
  GstBuffer *gpu = gst_buffer_new();
  GstVideoFrame frame;
  g_assert_true(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
  GstMemory *memory = emulated_memory_new(context, &frame);
  gst_video_frame_unmap(&frame);
  gst_buffer_append_memory(gpu, memory);
  gst_buffer_copy_into(gpu, buffer, GST_BUFFER_COPY_TIMESTAMPS, 0, (gsize)-1);
  if (meta) {
    GstVideoInfo *there = &GST_CUDA_MEMORY_CAST(memory)->info;
    gst_buffer_add_video_meta_full(gpu, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(info), (guint)info->width,
                                   (guint)info->height, GST_VIDEO_INFO_N_PLANES(info), there->offset, there->stride);
    memset(there->offset, 0, sizeof there->offset); /* so only the meta has the right ones */
  }
  return gpu;
}

void
gpu_stream_check(Stream *stream)
{
  g_autoptr(GstMessage) message = stream_message(stream, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  g_autoptr(GError) error = NULL;
  if (!message)
    return;
  gst_message_parse_error(message, &error, NULL);
  g_error("%s", error->message);
}

void
gpu_stream_check_error(Stream *stream, const char *words)
{
  g_autoptr(GstMessage) message = stream_message(stream, GST_MESSAGE_ERROR),
                        more = stream_message(stream, GST_MESSAGE_ERROR);
  g_autoptr(GError) error = NULL;
  g_assert_nonnull(message);
  g_assert_null(more);
  gst_message_parse_error(message, &error, NULL);
  g_test_message("%s", error->message);
  if (!g_regex_match_simple(words, error->message, 0, 0))
    g_error("“%s”, expected “%s”", error->message, words);
  g_assert_cmpint(gst_element_set_state(stream->element, GST_STATE_NULL), ==, GST_STATE_CHANGE_SUCCESS);
}

void
gpu_stream_lose(void (*lose)(int after), int most)
{
  if (g_test_subprocess()) {
    lose(atoi(g_getenv("CBIGAN_TEST_LOST")));
    return;
  }
  for (int i = 1; i < most; i += i / 4 + 1) {
    g_autofree char *text = g_strdup_printf("%d", i);
    g_setenv("CBIGAN_TEST_LOST", text, TRUE);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
  }
}
