/* test_score.c - cbiganscore on any video: the core's numbers exactly, and what it attaches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <cbigan.h>
#include <math.h>
#include <video_input.h>

#include "stream.h"
#include "test_model.h"

#define WIDTH 101 /* odd: rows need padding, chroma planes rounding */
#define HEIGHT 77

static Stream
open_stream(int frame, const char *more)
{
  g_autofree char *model = test_model_write(frame, 1);
  g_autofree char *properties = g_strdup_printf("model=%s %s", model, more);
  return stream_new(properties);
}

/* The core's result for the buffer, in the element's precision. */
static CbiganResult
core_result(const Stream *stream, int frame, GstBuffer *buffer)
{
  g_autofree char *path = test_model_write(frame, 1);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = cbigan_model_load(path, &error);
  g_assert_no_error(error);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.threads = 1;
  int precision;
  g_object_get(stream->element, "precision", &precision, NULL);
  options.precision = (CbiganPrecision)precision;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  g_autoptr(CbiganVideoInput) input = cbigan_video_input_new(&stream->info, frame, frame, &error);
  g_assert_no_error(error);
  CbiganResult result = CBIGAN_RESULT_INIT;
  CbiganFrame rgb = { 0 };
  GstVideoFrame mapped;
  g_assert_true(gst_video_frame_map(&mapped, &stream->info, buffer, GST_MAP_READ));
  rgb.data = cbigan_video_input_convert(input, &mapped, &rgb.width, &rgb.height, &rgb.stride);
  cbigan_scorer_score(scorer, &rgb, 1, &result, &error);
  gst_video_frame_unmap(&mapped);
  g_assert_no_error(error);
  return result;
}

static void
check_against_core(Stream *stream, int frame, GstBuffer *buffer, const char *what)
{
  CbiganResult expected = core_result(stream, frame, buffer);
  g_autoptr(GstBuffer) before = gst_buffer_copy_deep(buffer), out = stream_push(stream, buffer);
  double found = number_of(score_of(out), "score");
  g_test_message("%s: element %.17g, core %.17g", what, found, expected.score);
  g_assert_true(found == expected.score && found > 0);
  g_assert_true(number_of(score_of(out), "threshold") == expected.threshold);
  g_assert_true(number_of(score_of(out), "normalized") == expected.normalized);
  g_assert_cmpint(flag_of(score_of(out), "anomalous"), ==, expected.anomalous);
  g_assert_false(flag_of(score_of(out), "stale"));

  GstMapInfo a, b;
  gst_buffer_map(before, &a, GST_MAP_READ);
  gst_buffer_map(out, &b, GST_MAP_READ);
  g_assert_cmpmem(a.data, a.size, b.data, b.size); /* the pixels pass unchanged */
  gst_buffer_unmap(before, &a);
  gst_buffer_unmap(out, &b);
  cbigan_result_clear(&expected);
}

static const GstVideoFormat formats[] = {
  GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_BGRx,      GST_VIDEO_FORMAT_RGBA,  GST_VIDEO_FORMAT_I420,
  GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2,      GST_VIDEO_FORMAT_GRAY8, GST_VIDEO_FORMAT_P010_10LE,
  GST_VIDEO_FORMAT_Y42B, GST_VIDEO_FORMAT_GRAY16_LE, GST_VIDEO_FORMAT_v210,  GST_VIDEO_FORMAT_I420_10LE,
};

/* One stream through all formats and back to the first: each change renegotiates. */
static void
test_formats(void)
{
  Stream stream = open_stream(64, "");
  for (guint i = 0; i <= G_N_ELEMENTS(formats); i++) {
    GstVideoFormat format = formats[i % G_N_ELEMENTS(formats)];
    stream_set_caps(&stream, format, i % 2 ? WIDTH : 128, i % 2 ? HEIGHT : 96);
    check_against_core(&stream, 64, stream_frame(&stream, i, i % 3 == 0), gst_video_format_to_string(format));
  }
  stream_clear(&stream);
}

/* A gray picture of any format stays gray in every pixel: none is memory that nothing has filled. */
static void
test_all_filled(void)
{
  /* GStreamer 1.26 itself brings back other colours from these tiles in pictures that they do not fill. */
  static const char *const faulty[] = { "MT2110T", "MT2110R", NULL };
  static const int sizes[][2] = { { 60, 78 }, { 40, 300 }, { 60, 50 }, { 300, 40 }, { 128, 128 } };
  g_autofree guint8 *gray = g_malloc(300 * 300 * 3);
  memset(gray, 128, 300 * 300 * 3);
  guint n;
  const GstVideoFormat *all = gst_video_formats_raw(&n);
  for (guint i = 0; i < n * G_N_ELEMENTS(sizes); i++) {
    const int w = sizes[i % G_N_ELEMENTS(sizes)][0], h = sizes[i % G_N_ELEMENTS(sizes)][1];
    const GstVideoFormat format = all[i / G_N_ELEMENTS(sizes)];
    GstVideoInfo info;
    gst_video_info_set_format(&info, format, (guint)w, (guint)h);
    if (GST_VIDEO_FORMAT_INFO_HAS_PALETTE(info.finfo) ||
        ((w % 16 || h % 32) && g_strv_contains(faulty, gst_video_format_to_string(format))))
      continue;
    g_autoptr(GstBuffer) buffer = frame_from_rgb(&info, gray, w, h);
    g_autoptr(GError) error = NULL;
    g_autoptr(CbiganVideoInput) input = cbigan_video_input_new(&info, 64, 64, &error);
    g_assert_no_error(error);
    GstVideoFrame frame;
    int width, height;
    gsize stride;
    g_assert_true(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    const guint8 *rgb = cbigan_video_input_convert(input, &frame, &width, &height, &stride);
    for (int k = 0; k < 64 * 64 * 3; k++) {
      const guint8 value = rgb[(gsize)(k / 192) * stride + (gsize)(k % 192)];
      if (ABS(value - 128) > 8) /* formats of 5 bits are that coarse */
        g_error("%s %dx%d: %d at column %d of row %d, expected about 128", GST_VIDEO_INFO_NAME(&info), w, h, value,
                k % 192 / 3, k / 192);
    }
    gst_video_frame_unmap(&frame);
  }
}

static void
test_native_sizes(void)
{
  static const int sizes[][2] = { { 64, 64 }, { 65, 64 }, { 100, 131 }, { 129, 70 } };
  Stream stream = open_stream(0, "");
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, sizes[i][0], sizes[i][1]);
    check_against_core(&stream, 0, stream_frame(&stream, i, FALSE), "native");
  }
  stream_clear(&stream);
}

/* Planes with gaps between the rows and before the first row, announced by a GstVideoMeta. */
static void
test_strides(void)
{
  Stream stream = open_stream(64, "");
  stream_set_caps(&stream, GST_VIDEO_FORMAT_I420, WIDTH, HEIGHT);
  g_autoptr(GstBuffer) plain = stream_frame(&stream, 0, TRUE);
  GstVideoAlignment gaps;
  GstVideoInfo padded = stream.info;
  GstVideoFrame from, to;
  gst_video_alignment_reset(&gaps);
  gaps.padding_left = 32;
  gaps.padding_right = 37;
  gaps.padding_top = 6;
  gaps.padding_bottom = 3;
  g_assert_true(gst_video_info_align(&padded, &gaps));
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, padded.size, NULL);
  gst_buffer_memset(buffer, 0, 0xaa, padded.size);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420, WIDTH, HEIGHT, 3,
                                 padded.offset, padded.stride);
  g_assert_true(gst_video_frame_map(&from, &stream.info, plain, GST_MAP_READ));
  g_assert_true(gst_video_frame_map(&to, &stream.info, buffer, GST_MAP_WRITE));
  g_assert_cmpint(to.info.stride[0], !=, from.info.stride[0]);
  g_assert_true(gst_video_frame_copy(&to, &from));
  gst_video_frame_unmap(&from);
  gst_video_frame_unmap(&to);

  CbiganResult expected = core_result(&stream, 64, plain);
  g_autoptr(GstBuffer) out = stream_push(&stream, buffer);
  g_assert_true(number_of(score_of(out), "score") == expected.score);
  cbigan_result_clear(&expected);
  stream_clear(&stream);
}

static void
check_heatmap(const GstStructure *score, int side)
{
  const GstSample *sample = gst_value_get_sample(gst_structure_get_value(score, "heatmap"));
  GstVideoInfo info;
  GstMapInfo map;
  g_assert_nonnull(sample);
  g_assert_true(gst_video_info_from_caps(&info, gst_sample_get_caps((GstSample *)sample)));
  g_assert_cmpint(info.width, ==, side);
  g_assert_cmpint(info.height, ==, side);
  g_assert_cmpint(GST_VIDEO_INFO_FORMAT(&info), ==, GST_VIDEO_FORMAT_GRAY16_LE);
  guint16 peak = 0;
  gst_buffer_map(gst_sample_get_buffer((GstSample *)sample), &map, GST_MAP_READ);
  for (int i = 0; i < side * side; i++)
    peak = MAX(peak, ((const guint16 *)map.data)[i]);
  gst_buffer_unmap(gst_sample_get_buffer((GstSample *)sample), &map);
  double normalized = number_of(score, "normalized");
  g_test_message("map's peak %g, normalized score %g", peak / 65535.0, normalized);
  g_assert_cmpfloat(fabs(peak / 65535.0 - normalized), <, 0.02);
}

static void
check_regions(const GstStructure *score, GstBuffer *buffer, int width, int height)
{
  const GValue *regions = gst_structure_get_value(score, "regions");
  guint n = gst_value_array_get_size(regions), found = 0;
  gpointer state = NULL;
  g_assert_cmpuint(n, >, 0);
  for (guint i = 0; i < n; i++) {
    const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, i));
    double x = number_of(region, "x"), y = number_of(region, "y"), w = number_of(region, "w"),
           h = number_of(region, "h");
    g_assert_true(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 1.000001 && y + h <= 1.000001);
    g_assert_cmpfloat(number_of(region, "peak"), >=, 0.5);
  }
  for (GstMeta *meta;
       (meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));) {
    const GstVideoRegionOfInterestMeta *roi = (const GstVideoRegionOfInterestMeta *)meta;
    g_assert_cmpstr(g_quark_to_string(roi->roi_type), ==, "cbigan");
    g_assert_cmpuint(roi->x + roi->w, <=, (guint)width + 1);
    g_assert_cmpuint(roi->y + roi->h, <=, (guint)height + 1);
    found++;
  }
  g_assert_cmpuint(found, ==, n);
}

/* A hole in the cloth: over the threshold, with map, regions and overlay; good cloth: none of them. */
static void
test_fields(void)
{
  Stream stream = open_stream(128, "");
  g_autofree char *model = test_model_write(128, 1);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 128, 128);
  g_autoptr(GstBuffer) good = stream_push(&stream, stream_frame(&stream, 1, FALSE));
  g_autoptr(GstBuffer) bad = stream_push(&stream, stream_frame(&stream, 2, TRUE));
  const GstStructure *score = score_of(bad);
  guint event;
  guint64 pts;

  g_autofree char *good_text = gst_structure_to_string(score_of(good)), *bad_text = gst_structure_to_string(score);
  g_test_message("good %s", good_text);
  g_assert_false(flag_of(score_of(good), "anomalous"));
  g_assert_cmpuint(gst_value_array_get_size(gst_structure_get_value(score_of(good), "regions")), ==, 0);

  g_test_message("bad %s", bad_text);
  g_assert_true(flag_of(score, "anomalous"));
  double s = number_of(score, "score"), t = number_of(score, "threshold");
  g_assert_cmpfloat(s, >, t);
  g_assert_cmpfloat(fabs(number_of(score, "normalized") - s / (s + t)), <, 1e-12);
  g_assert_true(gst_structure_get(score, "event-id", G_TYPE_UINT, &event, "scored-pts", G_TYPE_UINT64, &pts, NULL));
  g_assert_cmpuint(event, ==, 1);
  g_assert_cmpuint(pts, ==, GST_BUFFER_PTS(bad));
  g_assert_cmpstr(gst_structure_get_string(score, "model"), ==, model);
  check_heatmap(score, 128);
  check_regions(score, bad, 128, 128);
  GstVideoOverlayCompositionMeta *overlay = gst_buffer_get_video_overlay_composition_meta(bad);
  g_assert_nonnull(overlay);
  g_assert_cmpuint(gst_video_overlay_composition_n_rectangles(overlay->overlay), ==, 1);
  stream_clear(&stream);
}

/* Where somebody else holds the buffer too, the pixels stay shared, and that buffer gets no metas. */
static void
test_shared_buffer(void)
{
  Stream stream = open_stream(64, "");
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 64, 64);
  g_autoptr(GstBuffer) ours = stream_frame(&stream, 0, FALSE);
  g_autoptr(GstBuffer) out = stream_push(&stream, gst_buffer_ref(ours));
  g_assert_true(out != ours);
  g_assert_null(gst_buffer_get_custom_meta(ours, "CbiganScore"));
  score_of(out);
  g_assert_true(gst_buffer_peek_memory(out, 0) == gst_buffer_peek_memory(ours, 0));
  stream_clear(&stream);
}

/* An overlay that another element attached is still there, in the one composition that sinks look at. */
static void
test_keeps_other_overlay(void)
{
  Stream stream = open_stream(128, "");
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 128, 128);
  GstBuffer *buffer = stream_frame(&stream, 2, TRUE), *pixel = gst_buffer_new_allocate(NULL, 4, NULL);
  gst_buffer_add_video_meta(pixel, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_BGRA, 1, 1);
  GstVideoOverlayRectangle *rectangle =
      gst_video_overlay_rectangle_new_raw(pixel, 0, 0, 1, 1, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  GstVideoOverlayComposition *composition = gst_video_overlay_composition_new(rectangle);
  gst_buffer_add_video_overlay_composition_meta(buffer, composition);
  gst_video_overlay_composition_unref(composition);
  gst_video_overlay_rectangle_unref(rectangle);
  gst_buffer_unref(pixel);
  g_autoptr(GstBuffer) out = stream_push(&stream, buffer);
  g_assert_cmpuint(gst_buffer_get_n_meta(out, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE), ==, 1);
  g_assert_cmpuint(
      gst_video_overlay_composition_n_rectangles(gst_buffer_get_video_overlay_composition_meta(out)->overlay), ==, 2);
  stream_clear(&stream);
}

static void
test_tuning_while_playing(void)
{
  Stream stream = open_stream(128, "");
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 128, 128);
  g_autoptr(GstBuffer) bad = stream_push(&stream, stream_frame(&stream, 2, TRUE));
  double score = number_of(score_of(bad), "score");
  g_assert_true(flag_of(score_of(bad), "anomalous"));

  g_object_set(stream.element, "threshold", 2 * score, NULL);
  g_autoptr(GstBuffer) raised = stream_push(&stream, stream_frame(&stream, 2, TRUE));
  g_assert_true(number_of(score_of(raised), "score") == score);
  g_assert_false(flag_of(score_of(raised), "anomalous"));
  g_assert_null(gst_buffer_get_video_overlay_composition_meta(raised)); /* no region over the threshold */
  g_assert_cmpfloat(fabs(number_of(score_of(raised), "normalized") - 1.0 / 3), <, 1e-9);

  g_object_set(stream.element, "threshold", -1.0, "overlay", 0, "regions", FALSE, NULL);
  g_autoptr(GstBuffer) bare = stream_push(&stream, stream_frame(&stream, 2, TRUE));
  g_assert_true(flag_of(score_of(bare), "anomalous"));
  g_assert_null(gst_buffer_get_video_overlay_composition_meta(bare));
  g_assert_null(gst_buffer_get_video_region_of_interest_meta_id(bare, 0));

  gst_util_set_object_arg(G_OBJECT(stream.element), "score", "paper");
  g_object_set(stream.element, "lambda", 0.0, NULL);
  g_autoptr(GstBuffer) pixels = stream_push(&stream, stream_frame(&stream, 2, TRUE));
  g_assert_cmpfloat(fabs(number_of(score_of(pixels), "score") / number_of(score_of(pixels), "pixel-term") - 1), <,
                    1e-6);
  g_object_set(stream.element, "lambda", 1.0, NULL);
  g_autoptr(GstBuffer) features = stream_push(&stream, stream_frame(&stream, 2, TRUE));
  g_assert_cmpfloat(fabs(number_of(score_of(features), "score") / number_of(score_of(features), "feature-term") - 1), <,
                    1e-6);
  g_assert_null(stream_message(&stream, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR));
  stream_clear(&stream);
}

/* A new precision is used from the next frame on. */
static void
test_precision(void)
{
  static const char *const names[] = { "bf16", "fp32", "auto" };
  Stream stream = open_stream(64, "precision=fp32");
  g_autoptr(GstElement) other = gst_element_factory_make("cbiganscore", NULL);
  int precision;
  g_object_get(gst_object_ref_sink(other), "precision", &precision, NULL);
  g_assert_cmpint(precision, ==, CBIGAN_PRECISION_AUTO);
  g_object_get(stream.element, "precision", &precision, NULL);
  g_assert_cmpint(precision, ==, CBIGAN_PRECISION_FP32);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 64, 64);
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    gst_util_set_object_arg(G_OBJECT(stream.element), "precision", names[i]);
    g_object_get(stream.element, "precision", &precision, NULL);
    g_assert_cmpstr(cbigan_precision_name((CbiganPrecision)precision), ==, names[i]);
    check_against_core(&stream, 64, stream_frame(&stream, i, FALSE), names[i]);
  }
  g_assert_null(stream_message(&stream, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR));
  stream_clear(&stream);
}

/* A frame that a decoder flags is scored as any other, and marked. */
static void
test_corrupted(void)
{
  Stream stream = open_stream(128, "updates=every-frame");
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 128, 128);
  for (int corrupted = 0; corrupted < 2; corrupted++) {
    GstBuffer *buffer = stream_frame(&stream, 2, TRUE);
    if (corrupted)
      GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_CORRUPTED);
    g_autoptr(GstBuffer) out = stream_push(&stream, buffer);
    g_autoptr(GstMessage) message = stream_message(&stream, GST_MESSAGE_ELEMENT);
    g_assert_cmpint(flag_of(score_of(out), "corrupted"), ==, corrupted);
    g_assert_cmpint(flag_of(gst_message_get_structure(message), "corrupted"), ==, corrupted);
    g_assert_true(flag_of(score_of(out), "anomalous") && !flag_of(score_of(out), "stale"));
  }
  stream_clear(&stream);
}

/* Scoring goes on after a flush and after the end of a stream. */
static void
test_flush_and_eos(void)
{
  Stream stream = open_stream(64, "");
  stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 64, 64);
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, FALSE)));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_start()));
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_flush_stop(TRUE)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_segment(&segment)));
  check_against_core(&stream, 64, stream_frame(&stream, 3, FALSE), "after a flush");
  g_assert_true(gst_harness_push_event(stream.harness, gst_event_new_eos()));
  g_assert_cmpint(gst_harness_push(stream.harness, stream_frame(&stream, 4, FALSE)), ==, GST_FLOW_EOS);
  g_assert_cmpint(gst_element_set_state(stream.element, GST_STATE_NULL), ==, GST_STATE_CHANGE_SUCCESS);
  g_assert_null(stream_message(&stream, GST_MESSAGE_ERROR));
  stream_clear(&stream);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/score/formats", test_formats);
  g_test_add_func("/score/all-filled", test_all_filled);
  g_test_add_func("/score/native-sizes", test_native_sizes);
  g_test_add_func("/score/strides", test_strides);
  g_test_add_func("/score/fields", test_fields);
  g_test_add_func("/score/shared-buffer", test_shared_buffer);
  g_test_add_func("/score/keeps-other-overlay", test_keeps_other_overlay);
  g_test_add_func("/score/tuning-while-playing", test_tuning_while_playing);
  g_test_add_func("/score/precision", test_precision);
  g_test_add_func("/score/corrupted", test_corrupted);
  g_test_add_func("/score/flush-and-eos", test_flush_and_eos);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
