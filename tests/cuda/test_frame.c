/* test_frame.c - frames in GPU memory become the same RGB frames as video_input.c makes of them in system memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every format, at sizes that take each path through the resampler, in the colorimetries of cameras and decoders. Both
 * sides compute in integers, so no difference is allowed. If a GStreamer other than 1.22 computes differently, this
 * test fails. frame_plan.c then has to follow it, or a picture would have different scores in the two memories.
 */
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/frame_converter.h"
#include "video_input.h"

typedef enum { PICTURE_NOISE, PICTURE_EXTREMES, PICTURE_SLOPES, N_PICTURES } Picture;

static guint32 state = 1;

static guint8
random_byte(void)
{
  return (guint8)((state = state * 1664525u + 1013904223u) >> 24);
}

/* Fills all bytes of the buffer, gaps included: their content must not matter. */
static GstBuffer *
make_picture(const GstVideoInfo *info, Picture picture)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, info->size, NULL);
  GstMapInfo map;
  g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = picture == PICTURE_NOISE      ? random_byte()
                  : picture == PICTURE_EXTREMES ? (random_byte() & 1 ? 255 : 0)
                                                : (guint8)(i / 3);
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

/* Returns the largest difference, and in *n the number of differences. columns: how many the host converts correctly.
 */
static int
compare(const guint8 *host, gsize stride, const guint8 *device, int width, int height, int columns, int *n)
{
  int largest = 0;
  *n = 0;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < 3 * columns; x++) {
      const int difference = abs(host[(gsize)y * stride + (gsize)x] - device[3 * y * width + x]);
      largest = MAX(largest, difference);
      *n += difference > 0;
    }
  return largest;
}

static void *
upload(const guint8 *data, gsize size)
{
  cudaStream_t stream;
  void *device;
  g_assert_cmpint(cudaMalloc(&device, size), ==, cudaSuccess);
  g_assert_cmpint(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), ==, cudaSuccess);
  g_assert_cmpint(cudaMemcpyAsync(device, data, size, cudaMemcpyHostToDevice, stream), ==, cudaSuccess);
  g_assert_cmpint(cudaStreamSynchronize(stream), ==, cudaSuccess);
  cudaStreamDestroy(stream);
  return device;
}

/* The host's conversion */
typedef struct {
  GstVideoConverter *unpacker; /* enlarges chroma first; NULL: not needed */
  GstBuffer *buffer;
  GstVideoFrame unpacked;
  CbiganVideoInput *input;
} Host;

/* GStreamer 1.22 keeps too few rows for chroma that it enlarges where it resamples vertically first: it overwrites
 * rows that it still needs. There the chroma is enlarged beforehand, by another converter. */
static Host
host_new(const GstVideoInfo *info, const CbiganFramePlan *plan)
{
  const CbiganDeviceFrame *f = &plan->frame;
  g_autoptr(GError) error = NULL;
  Host self = { 0 };
  GstVideoInfo full = *info;
  if (f->vertical_first && f->chroma != CBIGAN_FRAME_CHROMA_NEAREST && f->component[1].shift_y) {
    const GstVideoFormat format = f->deep ? GST_VIDEO_FORMAT_AYUV64 : GST_VIDEO_FORMAT_VUYA;
    g_assert_true(gst_video_info_set_format(&full, format, (guint)info->width, (guint)info->height));
    full.colorimetry = info->colorimetry;
    self.unpacker =
        gst_video_converter_new(info, &full,
                                gst_structure_new("unpack", GST_VIDEO_CONVERTER_OPT_DITHER_METHOD,
                                                  GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE, NULL));
    self.buffer = gst_buffer_new_allocate(NULL, full.size, NULL);
    g_assert_true(gst_video_frame_map(&self.unpacked, &full, self.buffer, GST_MAP_READWRITE));
  }
  self.input = cbigan_video_input_new(&full, f->out_width, f->out_height, &error);
  g_assert_no_error(error);
  return self;
}

static void
host_clear(Host *self)
{
  cbigan_video_input_free(self->input);
  if (!self->unpacker)
    return;
  gst_video_converter_free(self->unpacker);
  gst_video_frame_unmap(&self->unpacked);
  gst_buffer_unref(self->buffer);
}

static const guint8 *
host_convert(Host *self, GstVideoFrame *frame, gsize *stride)
{
  int width, height;
  if (self->unpacker)
    gst_video_converter_frame(self->unpacker, frame, &self->unpacked);
  return cbigan_video_input_convert(self->input, self->unpacker ? &self->unpacked : frame, &width, &height, stride);
}

static void
check_picture(const GstVideoInfo *info, Picture picture, Host *host, const CbiganFramePlan *plan)
{
  const int width = plan->frame.out_width, height = plan->frame.out_height;
  /* GStreamer 1.22 can't make video of more than 8 bits wider and lower at once: video_input.c takes two steps then. */
  const gboolean two_steps = plan->frame.deep && width > info->width && width * height <= info->width * info->height;
  const int columns = two_steps ? 0 : width;
  g_autoptr(GstBuffer) buffer = make_picture(info, picture);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganFrameConverter) converter = cbigan_frame_converter_new(plan, &error);
  g_assert_no_error(error);
  GstVideoFrame frame;
  gsize host_stride;
  g_assert_true(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
  const guint8 *expected = host_convert(host, &frame, &host_stride);
  guint8 *device = upload(frame.data[0], info->size);
  const guint8 *data[3] = { device, device + info->offset[1], device + info->offset[2] };
  const gsize stride[3] = { (gsize)info->stride[0], (gsize)info->stride[1], (gsize)info->stride[2] };
  CbiganFrame rgb = { .on_device = FALSE };
  cbigan_frame_converter_run(converter, data, stride, &rgb, &error);
  g_assert_no_error(error);
  int n, largest = compare(expected, host_stride, rgb.data, width, height, columns, &n);
  if (largest > 0) {
    g_autofree char *colorimetry = gst_video_colorimetry_to_string(&info->colorimetry);
    g_test_message("%s %dx%d -> %dx%d, %s, chroma site %d, picture %d: differs by up to %d, expected 0; at %d of %d",
                   GST_VIDEO_INFO_NAME(info), info->width, info->height, width, height, colorimetry,
                   (int)info->chroma_site, picture, largest, n, 3 * columns * height);
    g_test_fail();
  }
  cudaFree(device);
  gst_video_frame_unmap(&frame);
}

static void
check(const GstVideoInfo *info, int width, int height)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganFramePlan) plan = cbigan_frame_plan_new(info, width, height, &error);
  g_assert_no_error(error);
  Host host = host_new(info, plan);
  for (int picture = 0; picture < N_PICTURES; picture++)
    check_picture(info, (Picture)picture, &host, plan);
  host_clear(&host);
}

/* Sizes of video and RGB: equal, half, odd, enlarged, 8:1, one direction only, one enlarged and one reduced. */
static const int sizes[][4] = {
  { 64, 48, 64, 48 },   { 128, 96, 64, 48 },  { 101, 77, 64, 64 },  { 64, 64, 101, 77 },  { 512, 64, 64, 8 },
  { 33, 65, 64, 64 },   { 640, 360, 64, 64 }, { 100, 31, 100, 64 }, { 31, 100, 64, 100 }, { 90, 64, 64, 64 },
  { 64, 90, 64, 64 },   { 17, 9, 17, 9 },     { 40, 300, 64, 64 },  { 300, 40, 64, 64 },  { 3, 3, 16, 16 },
  { 130, 66, 128, 64 }, { 90, 400, 64, 64 },  { 66, 640, 64, 80 },
};

static void
test_format(gconstpointer data)
{
  static const char *const colorimetries[] = { GST_VIDEO_COLORIMETRY_BT601, GST_VIDEO_COLORIMETRY_BT709, "1:4:0:1" };
  static const GstVideoChromaSite sites[] = { GST_VIDEO_CHROMA_SITE_NONE, GST_VIDEO_CHROMA_SITE_H_COSITED,
                                              GST_VIDEO_CHROMA_SITE_COSITED };
  const GstVideoFormat format = gst_video_format_from_string(data);
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    g_test_skip("there is no NVIDIA GPU, or no driver for it");
    return;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
    GstVideoInfo info;
    g_assert_true(gst_video_info_set_format(&info, format, (guint)sizes[i][0], (guint)sizes[i][1]));
    for (gsize k = 0; k < 3; k++) {
      if (GST_VIDEO_INFO_IS_YUV(&info)) {
        g_assert_true(gst_video_colorimetry_from_string(&info.colorimetry, colorimetries[k]));
        info.chroma_site = sites[(i + k) % 3];
      } else if (k) {
        break;
      }
      check(&info, sizes[i][2], sizes[i][3]);
    }
  }
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_auto(GStrv) names = g_strsplit_set(CBIGAN_FRAME_FORMATS, "{}, ", -1);
  for (guint i = 0; names[i]; i++)
    if (*names[i]) {
      g_autofree char *path = g_strdup_printf("/frame/%s", names[i]);
      g_test_add_data_func(path, names[i], test_format);
    }
  return g_test_run();
}
