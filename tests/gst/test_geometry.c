/* test_geometry.c - parts of pictures that are scored, and scores after elements that move or resize the pixels
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/video/gstvideoaffinetransformationmeta.h>
#include <math.h>
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 128
#define FRAME "video/x-raw,format=RGB,width=128,height=128,framerate=25/1"

static const GstStructure *
region_of(const GstStructure *score)
{
  const GValue *regions = gst_structure_get_value(score, "regions");
  g_assert_cmpuint(gst_value_array_get_size(regions), ==, 1);
  return gst_value_get_structure(gst_value_array_get_value(regions, 0));
}

/* Runs a frame of cloth with a hole through that line, in which MODEL stands for the model file. */
static GstBuffer *
run_line(const char *format, const char *caps)
{
  g_autofree char *model = test_model_write(SIDE, 1);
  g_auto(GStrv) parts = g_strsplit(format, "MODEL", -1);
  Stream shape = { 0 };
  g_autofree char *elements = g_strjoinv(model, parts), *line = g_strdup_printf("%s ! identity", elements);
  GstHarness *h = gst_harness_new_parse(line);
  gst_harness_set_live(h, FALSE);
  gst_harness_set_src_caps_str(h, caps);
  gst_video_info_set_format(&shape.info, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  GstBuffer *out = gst_harness_push_and_pull(h, stream_frame(&shape, 2, TRUE));
  g_assert_nonnull(out);
  gst_harness_teardown(h);
  return out;
}

/* --- parts of pictures --- */

static void
test_crop_meta(void)
{
  static const struct {
    GstVideoFormat format;
    int left, top;
  } rows[] = {
    { GST_VIDEO_FORMAT_RGB, 5, 3 },   { GST_VIDEO_FORMAT_RGB, 0, 7 },        { GST_VIDEO_FORMAT_I420, 4, 2 },
    { GST_VIDEO_FORMAT_NV12, 6, 4 },  { GST_VIDEO_FORMAT_P010_10LE, 2, 6 },  { GST_VIDEO_FORMAT_YUY2, 4, 1 },
    { GST_VIDEO_FORMAT_GRAY8, 1, 1 }, { GST_VIDEO_FORMAT_GRAY16_LE, 9, 11 }, { GST_VIDEO_FORMAT_Y42B, 2, 3 },
    { GST_VIDEO_FORMAT_BGRx, 3, 0 },
  };
  g_autofree char *model = test_model_write(64, 1), *properties = g_strdup_printf("model=%s", model);
  Stream stream = stream_new(properties);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    stream_set_caps(&stream, rows[i].format, 100, 78);
    g_autoptr(GstBuffer) plain = stream_frame(&stream, i, TRUE);
    g_autoptr(GstBuffer) wanted = stream_push(&stream, gst_buffer_copy_deep(plain));
    g_autoptr(GstBuffer) out = stream_push(&stream, frame_with_border(&stream.info, plain, rows[i].left, rows[i].top));
    const double expected = number_of(score_of(wanted), "score"), found = number_of(score_of(out), "score");
    g_test_message("%s at %d,%d: cropped %.17g, by its meta %.17g", GST_VIDEO_INFO_NAME(&stream.info), rows[i].left,
                   rows[i].top, expected, found);
    g_assert_true(found == expected);
    gpointer state = NULL;
    for (GstMeta *meta;
         (meta = gst_buffer_iterate_meta_filtered(out, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));) {
      const GstVideoRegionOfInterestMeta *region = (const GstVideoRegionOfInterestMeta *)meta;
      g_assert_cmpuint(region->x, >=, (guint)rows[i].left);
      g_assert_cmpuint(region->y, >=, (guint)rows[i].top);
      g_assert_cmpuint(region->x + region->w, <=, (guint)rows[i].left + 101);
      g_assert_cmpuint(region->y + region->h, <=, (guint)rows[i].top + 79);
    }
  }
  stream_clear(&stream);
}

/* A visible part that does not lie in the picture, or begins where its format has no place: one error. */
static void
check_refused(GstVideoFormat format, guint x, guint width)
{
  g_autofree char *model = test_model_write(64, 1), *properties = g_strdup_printf("model=%s", model);
  Stream stream = stream_new(properties);
  stream_set_caps(&stream, format, 96, 64);
  GstBuffer *buffer = stream_frame(&stream, 0, FALSE);
  gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, format, 96, 64);
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(buffer);
  crop->x = x;
  crop->y = 0;
  crop->width = width;
  crop->height = 64;
  g_assert_cmpint(gst_harness_push(stream.harness, buffer), ==, GST_FLOW_ERROR);
  g_autoptr(GstMessage) message = stream_message(&stream, GST_MESSAGE_ERROR);
  g_autoptr(GError) error = NULL;
  g_assert_nonnull(message);
  gst_message_parse_error(message, &error, NULL);
  g_test_message("%s", error->message);
  stream_clear(&stream);
}

static void
test_crop_refused(void)
{
  check_refused(GST_VIDEO_FORMAT_RGB, 40, 64);
  check_refused(GST_VIDEO_FORMAT_RGB, G_MAXUINT, 2);
  check_refused(GST_VIDEO_FORMAT_RGB, 0, 0);
  check_refused(GST_VIDEO_FORMAT_v210, 6, 64);
}

/* Whether the visible part of one buffer has the pixels of the other, which is cropped. */
static gboolean
same_visible(GstBuffer *part, GstBuffer *cropped)
{
  const GstVideoMeta *meta = gst_buffer_get_video_meta(part);
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta(part);
  GstMapInfo a, b;
  gboolean same = TRUE;
  gst_buffer_map(part, &a, GST_MAP_READ);
  gst_buffer_map(cropped, &b, GST_MAP_READ);
  for (guint y = 0; y < crop->height; y++)
    same &= !memcmp(a.data + (crop->y + y) * (gsize)meta->stride[0] + 3 * crop->x,
                    b.data + y * (gsize)GST_ROUND_UP_4(3 * crop->width), 3 * (gsize)crop->width);
  gst_buffer_unmap(part, &a);
  gst_buffer_unmap(cropped, &b);
  return same;
}

/* A sink that takes a crop meta in place of cropped pixels changes no score and no drawn pixel. */
static void
test_crop_in_pipeline(void)
{
  static const char *const lines[] = { "videocrop left=16 top=24 ! cbiganscore threads=1 model=MODEL",
                                       "videocrop left=16 top=24 ! cbiganoverlay ! cbiganscore threads=1 model=MODEL",
                                       "videocrop left=16 top=24 ! cbiganscore threads=1 model=MODEL ! cbiganoverlay" };
  g_autofree char *model = test_model_write(64, 1);
  GstBuffer *outs[2];
  double scores[G_N_ELEMENTS(lines)][2];
  for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
    for (int crops = 0; crops < 2; crops++) {
      g_auto(GStrv) parts = g_strsplit(lines[i], "MODEL", -1);
      g_autofree char *line = g_strjoinv(model, parts);
      GstHarness *h = gst_harness_new_parse(line);
      gst_harness_set_live(h, FALSE);
      Stream shape = { 0 };
      gst_video_info_set_format(&shape.info, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
      gst_harness_add_propose_allocation_meta(h, GST_VIDEO_META_API_TYPE, NULL);
      if (crops)
        gst_harness_add_propose_allocation_meta(h, GST_VIDEO_CROP_META_API_TYPE, NULL);
      gst_harness_set_src_caps_str(h, FRAME);
      outs[crops] = gst_harness_push_and_pull(h, stream_frame(&shape, 2, TRUE));
      scores[i][crops] = number_of(score_of(outs[crops]), "score");
      g_assert_cmpint(gst_buffer_get_video_crop_meta(outs[crops]) != NULL, ==, crops);
      gst_harness_teardown(h);
      g_assert_true(scores[i][crops] == scores[0][0]);
    }
    g_assert_true(same_visible(outs[1], outs[0]));
    gst_buffer_unref(outs[0]);
    gst_buffer_unref(outs[1]);
  }
}

static gboolean
passes(const char *element, const char *caps_text, GType api)
{
  GstHarness *h = gst_harness_new_parse(element);
  g_autoptr(GstCaps) caps = gst_caps_from_string(caps_text);
  gst_harness_add_propose_allocation_meta(h, GST_VIDEO_META_API_TYPE, NULL);
  gst_harness_add_propose_allocation_meta(h, api, NULL);
  gst_harness_set_src_caps(h, gst_caps_ref(caps));
  g_autoptr(GstQuery) query = gst_query_new_allocation(caps, FALSE);
  g_assert_true(gst_pad_peer_query(h->srcpad, query));
  g_assert_true(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL));
  gboolean found = gst_query_find_allocation_meta(query, api, NULL);
  gst_harness_teardown(h);
  return found;
}

/* Of the metas that stand for pixels, only those pass that are obeyed. */
static void
test_allocation(void)
{
  g_autofree char *model = test_model_write(64, 1), *score = g_strdup_printf("cbiganscore model=%s", model);
  const char *const elements[] = { score, "cbiganoverlay" };
  for (guint i = 0; i < G_N_ELEMENTS(elements); i++) {
    g_assert_true(passes(elements[i], FRAME, GST_VIDEO_CROP_META_API_TYPE));
    g_assert_false(passes(elements[i], FRAME, GST_VIDEO_AFFINE_TRANSFORMATION_META_API_TYPE));
    g_assert_false(passes(elements[i], FRAME, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE));
    g_assert_true(passes(elements[i], FRAME, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));
  }
  g_assert_false(
      passes(score, "video/x-raw,format=v210,width=96,height=64,framerate=25/1", GST_VIDEO_CROP_META_API_TYPE));
}

/* Planes in memories of their own, as decoders and DMABuf exporters make them. */
static void
test_memory_per_plane(void)
{
  g_autofree char *model = test_model_write(64, 1), *properties = g_strdup_printf("model=%s", model);
  Stream stream = stream_new(properties);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_I420, 100, 78);
  g_autoptr(GstBuffer) plain = stream_frame(&stream, 1, TRUE);
  g_autoptr(GstBuffer) wanted = stream_push(&stream, gst_buffer_copy_deep(plain));
  GstBuffer *parts = gst_buffer_new();
  gsize offsets[GST_VIDEO_MAX_PLANES] = { 0 };
  for (guint p = 0, end = 0; p < 3; p++) {
    const gsize begin = stream.info.offset[p], size = (p < 2 ? stream.info.offset[p + 1] : stream.info.size) - begin;
    guint8 *data = g_malloc(size);
    gst_buffer_extract(plain, begin, data, size);
    offsets[p] = end;
    gst_buffer_append_memory(parts, gst_memory_new_wrapped(0, data, size, 0, size, data, g_free));
    end += size;
  }
  gst_buffer_add_video_meta_full(parts, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420, 100, 78, 3, offsets,
                                 stream.info.stride);
  g_autoptr(GstBuffer) out = stream_push(&stream, parts);
  g_assert_cmpuint(gst_buffer_n_memory(out), ==, 3);
  g_assert_true(number_of(score_of(out), "score") == number_of(score_of(wanted), "score"));
  stream_clear(&stream);
}

/* Two views in one buffer are refused: only the first would be scored. Views side by side are one picture. */
static void
test_views(void)
{
  g_autofree char *model = test_model_write(64, 1), *properties = g_strdup_printf("model=%s", model);
  for (int separated = 0; separated < 2; separated++) {
    Stream stream = stream_new(properties);
    stream_set_caps(&stream, GST_VIDEO_FORMAT_RGB, 128, 64);
    GstCaps *caps = gst_video_info_to_caps(&stream.info);
    gst_caps_set_simple(caps, "multiview-mode", G_TYPE_STRING, separated ? "separated" : "side-by-side", "views",
                        G_TYPE_INT, 2, NULL);
    gst_harness_set_src_caps(stream.harness, caps);
    GstFlowReturn flow = gst_harness_push(stream.harness, stream_frame(&stream, 0, FALSE));
    g_autoptr(GstMessage) error = stream_message(&stream, GST_MESSAGE_ERROR);
    g_assert_cmpint(flow != GST_FLOW_OK, ==, separated);
    g_assert_cmpint(error != NULL, ==, separated);
    stream_clear(&stream);
  }
}

/* Border and bar lie in the visible part, the rest of the buffer stays. */
static void
test_overlay_crop(void)
{
  enum { LEFT = 10, TOP = 6 };
  GstHarness *h = gst_harness_new("cbiganoverlay");
  GstVideoInfo info;
  gst_harness_set_src_caps_str(h, FRAME);
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  g_autoptr(GstBuffer) plain = gst_buffer_new_allocate(NULL, info.size, NULL);
  gst_buffer_memset(plain, 0, 0xaa, info.size);
  GstBuffer *buffer = frame_with_border(&info, plain, LEFT, TOP);
  const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
  const int width = (int)meta->width, height = (int)meta->height, stride = meta->stride[0];
  gst_structure_set(gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, "CbiganScore")), "normalized",
                    G_TYPE_DOUBLE, 0.6, "anomalous", G_TYPE_BOOLEAN, TRUE, NULL);
  g_autoptr(GstBuffer) out = gst_harness_push_and_pull(h, buffer);
  GstMapInfo map;
  gst_buffer_map(out, &map, GST_MAP_READ);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      const guint8 *pixel = map.data + y * stride + 3 * x;
      const int u = x - LEFT, v = y - TOP;
      const gboolean visible = u >= 0 && v >= 0 && u < SIDE && v < SIDE;
      const gboolean edge = visible && (u == 0 || v == 0 || u == SIDE - 1 || v == SIDE - 1);
      if (!visible)
        g_assert_true(pixel[0] == 0xaa && pixel[1] == 0xaa && pixel[2] == 0xaa);
      if (edge)
        g_assert_true(pixel[0] > 200 && pixel[1] < 80);
    }
  gst_buffer_unmap(out, &map);
  gst_harness_teardown(h);
}

/* --- scores after other elements --- */

static const struct {
  const char *name, *line;
  gboolean moved;    /* else the places are dropped */
  int width, height; /* of the frame after it */
} moves[] = {
  { "queue", "queue", TRUE, SIDE, SIDE },
  { "convert", "videoconvert ! video/x-raw,format=BGRx ! videoconvert ! video/x-raw,format=RGB", TRUE, SIDE, SIDE },
  { "scale", "videoscale ! video/x-raw,width=256,height=100", TRUE, 256, 100 },
  { "scale-twice", "videoscale ! video/x-raw,width=64,height=50 ! videoscale ! video/x-raw,width=300,height=300", TRUE,
    300, 300 },
  { "scale-balance", "videoscale ! video/x-raw,width=200,height=200 ! videobalance hue=0.1", TRUE, 200, 200 },
  { "borders", "videoscale ! video/x-raw,width=256,height=100,pixel-aspect-ratio=1/1", FALSE, 256, 100 },
  { "crop", "videocrop left=20 bottom=8", FALSE, 108, 120 },
  { "flip", "videoflip video-direction=horiz", FALSE, SIDE, SIDE },
  { "rotate", "videoflip video-direction=90r", FALSE, SIDE, SIDE },
  { "box", "videobox left=-10 top=-6", FALSE, 138, 134 },
};

/* The regions and the maps are where they belong, or gone; the score itself stays. */
static void
check_moved(const GstStructure *score, gboolean moved)
{
  g_assert_true(flag_of(score, "anomalous"));
  g_assert_cmpfloat(number_of(score, "score"), >, 0);
  g_assert_cmpint(gst_structure_has_field(score, "heatmap"), ==, moved);
  g_assert_cmpuint(gst_value_array_get_size(gst_structure_get_value(score, "regions")), ==, moved);
}

static void
test_move(gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT(data);
  const gboolean moved = moves[i].moved;
  g_autofree char *line = g_strdup_printf("cbiganscore model=MODEL ! %s", moves[i].line);
  g_autoptr(GstBuffer) out = run_line(line, FRAME);
  check_moved(score_of(out), moved);
  const GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta(out);
  g_assert_cmpint(meta != NULL, ==, moved);
  if (!moved)
    return;
  int x, y;
  guint w, h;
  g_assert_cmpuint(gst_video_overlay_composition_n_rectangles(meta->overlay), ==, 1);
  GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle(meta->overlay, 0);
  g_assert_true(gst_video_overlay_rectangle_get_render_rectangle(rectangle, &x, &y, &w, &h));
  g_assert_true(x == 0 && y == 0 && w == (guint)moves[i].width && h == (guint)moves[i].height);
}

/* How far the map reaches beyond the region over the threshold, in fractions of the frame: faint colours. */
#define FAINT 0.12

/* Draws what is attached to the frame, as a sink does (transfer full). */
static GstBuffer *
with_attached(GstBuffer *frame, int width, int height)
{
  GstBuffer *copy = gst_buffer_copy_deep(frame);
  const GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta(frame);
  GstVideoInfo info;
  GstVideoFrame mapped;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, (guint)width, (guint)height);
  g_assert_true(gst_video_frame_map(&mapped, &info, copy, GST_MAP_READWRITE));
  g_assert_true(!meta || gst_video_overlay_composition_blend(meta->overlay, &mapped));
  gst_video_frame_unmap(&mapped);
  return copy;
}

/* On the frame as it is then, the pixels that were drawn over lie around the region, and on all of it. The overlay
 * draws what a sink would draw: each map once. */
static void
test_draw(gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT(data);
  const int width = moves[i].width, height = moves[i].height;
  g_autofree char *line = g_strdup_printf("cbiganscore model=MODEL ! %s", moves[i].line);
  g_autofree char *drawn_line = g_strdup_printf("%s ! cbiganoverlay bar=false border=false", line);
  g_autoptr(GstBuffer) plain = run_line(line, FRAME), drawn = run_line(drawn_line, FRAME);
  g_assert_null(gst_buffer_get_video_overlay_composition_meta(drawn));
  g_autoptr(GstBuffer) wanted = with_attached(plain, width, height);
  GstMapInfo a, b, sink;
  gst_buffer_map(plain, &a, GST_MAP_READ);
  gst_buffer_map(drawn, &b, GST_MAP_READ);
  gst_buffer_map(wanted, &sink, GST_MAP_READ);
  g_assert_cmpuint(a.size, ==, b.size);
  const GstStructure *region = moves[i].moved ? region_of(score_of(drawn)) : NULL;
  double box[4] = { 0 }; /* x, y, w, h in pixels */
  static const char *const sides[] = { "x", "y", "w", "h" };
  for (guint k = 0; region && k < 4; k++)
    box[k] = number_of(region, sides[k]) * (k % 2 ? height : width);
  guint inside = 0;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      const gsize at = (gsize)y * GST_ROUND_UP_4(3 * width) + 3 * (gsize)x;
      const double u = x + 0.5 - box[0], v = y + 0.5 - box[1];
      g_assert_cmpmem(b.data + at, 3, sink.data + at, 3);
      if (!memcmp(a.data + at, b.data + at, 3))
        continue;
      g_assert_true(moves[i].moved && u > -FAINT * width && v > -FAINT * height && u < box[2] + FAINT * width &&
                    v < box[3] + FAINT * height);
      inside += u > 0 && v > 0 && u < box[2] && v < box[3];
    }
  g_test_message("%u of %.0f pixels of the region were drawn over", inside, box[2] * box[3]);
  g_assert_cmpfloat(inside, >=, 0.5 * box[2] * box[3]);
  gst_buffer_unmap(plain, &a);
  gst_buffer_unmap(drawn, &b);
  gst_buffer_unmap(wanted, &sink);
}

/* Two models in series: the second's result is the buffer's, and the first's is in its field `previous`. */
static void
test_series(void)
{
  static const char *const ways[] = { "queue", "videoscale ! video/x-raw,width=64,height=64",
                                      "videoflip video-direction=vert" };
  for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
    g_autofree char *line =
        g_strdup_printf("cbiganscore name=first model=MODEL ! cbiganscore model=MODEL score=paper threshold=1 "
                        "! cbiganscore model=MODEL score=calibrated threshold=0.01 ! %s",
                        ways[i]);
    g_autoptr(GstBuffer) first = run_line("cbiganscore model=MODEL", FRAME), out = run_line(line, FRAME);
    const GValue *previous = gst_structure_get_value(score_of(out), "previous");
    g_assert_null(gst_structure_get_value(score_of(first), "previous"));
    g_assert_cmpuint(gst_value_array_get_size(previous), ==, 2);
    const GstStructure *one = gst_value_get_structure(gst_value_array_get_value(previous, 0));
    const GstStructure *two = gst_value_get_structure(gst_value_array_get_value(previous, 1));
    g_assert_true(number_of(one, "score") == number_of(score_of(first), "score"));
    g_assert_true(number_of(two, "threshold") == 1 && number_of(score_of(out), "threshold") == 0.01);
    g_assert_cmpstr(gst_structure_get_string(one, "name"), ==, "first");
    g_assert_cmpstr(gst_structure_get_string(score_of(out), "name"), !=, gst_structure_get_string(two, "name"));
    g_assert_true(isfinite(number_of(two, "pixel-term")));
    check_moved(one, i < 2);
    const GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta(out);
    g_assert_cmpuint(meta ? gst_video_overlay_composition_n_rectangles(meta->overlay) : 0, ==, i < 2 ? 3 : 0);
    g_assert_cmpuint(gst_buffer_get_n_meta(out, gst_meta_get_info("CbiganScore")->api), ==, 1);
  }
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/geometry/crop-meta", test_crop_meta);
  g_test_add_func("/geometry/crop-refused", test_crop_refused);
  g_test_add_func("/geometry/crop-in-pipeline", test_crop_in_pipeline);
  g_test_add_func("/geometry/allocation", test_allocation);
  g_test_add_func("/geometry/memory-per-plane", test_memory_per_plane);
  g_test_add_func("/geometry/views", test_views);
  g_test_add_func("/geometry/overlay-crop", test_overlay_crop);
  for (guint i = 0; i < G_N_ELEMENTS(moves); i++) {
    g_autofree char *move = g_strdup_printf("/geometry/move/%s", moves[i].name),
                    *draw = g_strdup_printf("/geometry/draw/%s", moves[i].name);
    g_test_add_data_func(move, GUINT_TO_POINTER(i), test_move);
    g_test_add_data_func(draw, GUINT_TO_POINTER(i), test_draw);
  }
  g_test_add_func("/geometry/series", test_series);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
