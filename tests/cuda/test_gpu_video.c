/* test_gpu_video.c - cbiganscore on video in GPU memory, on the emulated GPU: the scores of the same in system memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The contexts are of device 1, so that work without one pushed would show.
 */
#define GST_USE_UNSTABLE_API
#include <cuda_runtime_api.h>
#include <gst/base/gstbasetransform.h>
#include <gst/cuda/gstcudautils.h>
#include <stdlib.h>
#include <string.h>

#include "backend/module.h"
#include "cuda/cuda_video.h"
#include "gpu_stream.h"
#include "gstcuda.h"
#include "test_model.h"

#define SIDE 64

/* One frame through both: the same scores, and the buffer passes with its memory untouched. */
static void
check_frame(Stream *system, Stream *gpu, GstObject *context, guint n)
{
  GstBuffer *frame = stream_frame(system, n, n % 2), *there = gpu_buffer_new(&gpu->info, frame, context, n % 2);
  GstMemory *memory = gst_buffer_peek_memory(there, 0);
  const guint maps = emulated_memory_maps();
  g_autoptr(GstBuffer) expected = stream_push(system, frame), out = stream_push(gpu, there);
  double a = number_of(score_of(expected), "score"), b = number_of(score_of(out), "score");
  g_test_message("%s: system memory %.17g, GPU memory %.17g", GST_VIDEO_INFO_NAME(&gpu->info), a, b);
  g_assert_true(a == b);
  g_assert_true(gst_buffer_peek_memory(out, 0) == memory && gst_buffer_n_memory(out) == 1);
  g_assert_cmpuint(emulated_memory_maps(), ==, maps + 1);
  g_assert_cmpuint(gst_buffer_get_n_meta(out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), ==,
                   gst_buffer_get_n_meta(expected, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));
  g_assert_cmpuint(gst_buffer_get_n_meta(out, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE), ==,
                   gst_buffer_get_n_meta(expected, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE));
}

static void
check_formats(int frame, const char *properties, const int sizes[][2], gsize n_sizes)
{
  static const GstVideoFormat formats[] = { GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_P010_10LE, GST_VIDEO_FORMAT_I420,
                                            GST_VIDEO_FORMAT_RGBA, GST_VIDEO_FORMAT_BGRx,      GST_VIDEO_FORMAT_RGB };
  Stream system = gpu_stream_new(frame, properties), gpu = gpu_stream_new(frame, properties);
  g_autoptr(GstObject) context = emulated_context_new(1);
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    const int *size = sizes[i % n_sizes];
    stream_set_caps(&system, formats[i], size[0], size[1]);
    gpu_stream_set_caps(&gpu, formats[i], size[0], size[1]);
    for (guint n = 0; n < 2; n++)
      check_frame(&system, &gpu, context, n);
  }
  gpu_stream_check(&gpu);
  stream_clear(&system);
  stream_clear(&gpu);
}

static void
test_formats(void)
{
  static const int sizes[][2] = { { 128, 96 }, { 101, 77 }, { 64, 64 }, { 40, 30 }, { 520, 64 } };
  check_formats(SIDE, "", sizes, G_N_ELEMENTS(sizes));
}

/* Of a buffer with a GstVideoCropMeta, the visible part is scored. */
static void
test_crop_meta(void)
{
  static const GstVideoFormat formats[] = { GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_P010_10LE, GST_VIDEO_FORMAT_RGBA };
  Stream system = gpu_stream_new(SIDE, ""), gpu = gpu_stream_new(SIDE, "");
  g_autoptr(GstObject) context = emulated_context_new(1);
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    GstVideoInfo large;
    stream_set_caps(&system, formats[i], 100, 78);
    gpu_stream_set_caps(&gpu, formats[i], 100, 78);
    g_autoptr(GstBuffer) plain = stream_frame(&system, i, TRUE);
    g_autoptr(GstBuffer) bordered = frame_with_border(&system.info, plain, 6, 4);
    const GstVideoMeta *meta = gst_buffer_get_video_meta(bordered);
    gst_video_info_set_format(&large, formats[i], meta->width, meta->height);
    GstBuffer *there = gpu_buffer_new(&large, bordered, context, TRUE);
    const GstVideoCropMeta *part = gst_buffer_get_video_crop_meta(bordered);
    GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(there);
    crop->x = part->x;
    crop->y = part->y;
    crop->width = part->width;
    crop->height = part->height;
    g_autoptr(GstBuffer) expected = stream_push(&system, gst_buffer_ref(plain)), out = stream_push(&gpu, there);
    const double a = number_of(score_of(expected), "score"), b = number_of(score_of(out), "score");
    g_test_message("%s: cropped %.17g, by its meta %.17g", GST_VIDEO_INFO_NAME(&gpu.info), a, b);
    g_assert_true(a == b);
  }
  gpu_stream_check(&gpu);
  stream_clear(&system);
  stream_clear(&gpu);
}

/* A model of no frame size takes the video's. */
static void
test_native_sizes(void)
{
  static const int sizes[][2] = { { 64, 64 }, { 65, 67 }, { 100, 131 } };
  check_formats(0, "", sizes, G_N_ELEMENTS(sizes));
}

/* The backend that scores does not depend on where the frames are. */
static void
test_cuda_backend(void)
{
  static const int sizes[][2] = { { 128, 96 } };
  check_formats(SIDE, "backend=cuda", sizes, G_N_ELEMENTS(sizes));
}

/* The RGB of a frame, wherever it was left, in host memory; it is read in a stream of the reader's, as a scorer does.
 */
static guint8 *
read_rgb(const CbiganCudaVideoClass *klass, GstObject *context, const CbiganFrame *rgb)
{
  const gsize size = rgb->stride * (gsize)rgb->height;
  guint8 *copy = g_malloc(size);
  cudaStream_t stream;
  if (!rgb->on_device)
    return memcpy(copy, rgb->data, size);
  g_assert_true(klass->enter(GST_CUDA_CONTEXT(context)));
  g_assert_cmpint(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), ==, cudaSuccess);
  g_assert_cmpint(cudaStreamWaitEvent(stream, rgb->ready, 0), ==, cudaSuccess);
  g_assert_cmpint(cudaMemcpyAsync(copy, rgb->data, size, cudaMemcpyDeviceToHost, stream), ==, cudaSuccess);
  g_assert_cmpint(cudaStreamSynchronize(stream), ==, cudaSuccess);
  g_assert_cmpint(cudaStreamDestroy(stream), ==, cudaSuccess);
  klass->leave();
  return copy;
}

/* It stays on the device only for who runs in the same context, and is the same to the bit. */
static void
test_stays(void)
{
  g_autofree char *why = NULL;
  const CbiganCudaVideoClass *klass = cbigan_module_open("cbigan-cuda-video", &why);
  g_autoptr(GstObject) context = emulated_context_new(1), other = emulated_context_new(1);
  Stream picture = { 0 };
  gst_video_info_set_format(&picture.info, GST_VIDEO_FORMAT_NV12, 128, 96);
  CbiganCudaVideo *video = klass->open(&picture.info, SIDE, SIDE, NULL);
  gpointer here = klass->handle(GST_CUDA_CONTEXT(context));
  const gpointer places[] = { NULL, here, klass->handle(GST_CUDA_CONTEXT(other)), here };
  for (guint n = 0; n < 3; n++) {
    g_autoptr(GstBuffer) frame = stream_frame(&picture, n, n % 2),
                         gpu = gpu_buffer_new(&picture.info, frame, context, FALSE);
    g_autofree guint8 *expected = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
      g_autoptr(GError) error = NULL;
      CbiganFrame rgb;
      g_assert_true(klass->convert(video, gpu, places[i], &rgb, &error));
      g_assert_no_error(error);
      g_assert_cmpint(rgb.on_device, ==, places[i] == here);
      g_assert_cmpint(rgb.ready != NULL, ==, rgb.on_device);
      g_assert_true(rgb.width == SIDE && rgb.height == SIDE);
      g_autofree guint8 *read = read_rgb(klass, context, &rgb);
      klass->done(video);
      if (expected)
        g_assert_cmpmem(read, 3 * SIDE * SIDE, expected, 3 * SIDE * SIDE);
      else
        expected = g_steal_pointer(&read);
    }
  }
  klass->close(video);
}

/* A scorer of the library's in a context: in one that is gone, an error says so. */
static void
test_destroyed_context(void)
{
  g_autofree char *path = test_model_write(SIDE, 1), *why = NULL;
  const CbiganCudaVideoClass *klass = cbigan_module_open("cbigan-cuda-video", &why);
  GstObject *context = emulated_context_new(1);
  g_autoptr(CbiganModel) model = cbigan_model_load(path, NULL);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  g_autoptr(GError) error = NULL;
  options.backend = "cuda";
  options.cuda_context = klass->handle(GST_CUDA_CONTEXT(context));
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  g_assert_true(emulated_current_context() == options.cuda_context && emulated_context_is_used(context));
  cbigan_scorer_free(scorer);
  g_assert_false(emulated_context_is_used(context));
  gst_object_unref(context);
  g_assert_null(cbigan_scorer_new(model, &options, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, "the CUDA context can't be used: cudaErrorContextIsDestroyed"));
}

/* Frames in device memory and in the host's, in one call and in turns. */
static void
test_device_frames(void)
{
  g_autofree char *path = test_model_write(SIDE, 1), *why = NULL;
  const CbiganCudaVideoClass *klass = cbigan_module_open("cbigan-cuda-video", &why);
  g_autoptr(GObject) context = G_OBJECT(emulated_context_new(1));
  g_autoptr(CbiganModel) model = cbigan_model_load(path, NULL);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  Stream picture = { 0 };
  gst_video_info_set_format(&picture.info, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  g_autofree guint8 *pixels = test_cloth(SIDE, SIDE, 1, TRUE), *others = test_cloth(SIDE, SIDE, 2, FALSE);
  CbiganFrame here = { pixels, SIDE, SIDE, 3 * SIDE }, other = { others, SIDE, SIDE, 3 * SIDE }, there;
  g_autoptr(GstBuffer) frame = stream_frame(&picture, 1, TRUE),
                       gpu = gpu_buffer_new(&picture.info, frame, GST_OBJECT(context), FALSE);
  options.backend = "cuda";
  options.cuda_context = klass->handle(GST_CUDA_CONTEXT(context));
  options.batch = 2;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, NULL);
  CbiganCudaVideo *video = klass->open(&picture.info, SIDE, SIDE, NULL);
  double expected[2] = { 0 };
  for (guint i = 0; i < 5; i++) {
    g_autoptr(GError) error = NULL;
    CbiganResult results[2] = { CBIGAN_RESULT_INIT, CBIGAN_RESULT_INIT };
    g_assert_true(klass->convert(video, gpu, options.cuda_context, &there, NULL));
    const CbiganFrame frames[][2] = {
      { here, other }, { there, other }, { other, there }, { here, other }, { there, there }
    };
    g_assert_true(cbigan_scorer_score(scorer, frames[i], 2, results, &error));
    g_assert_no_error(error);
    klass->done(video);
    for (int k = 0; k < 2; k++) {
      if (i == 0)
        expected[k] = results[k].score;
      g_assert_cmpfloat(results[k].score, ==, expected[frames[i][k].data == others]);
      cbigan_result_clear(&results[k]);
    }
  }
  klass->close(video);
}

/* The caps go through with their features, and with an overlay's. */
static void
test_negotiation(void)
{
  static const char *const accepted[] = { "memory:CUDAMemory", "memory:CUDAMemory,meta:GstVideoOverlayComposition" };
  Stream stream = gpu_stream_new(SIDE, "");
  g_autoptr(GstPad) pad = gst_element_get_static_pad(stream.element, "sink");
  for (guint i = 0; i < G_N_ELEMENTS(accepted); i++) {
    g_autofree char *text =
        g_strdup_printf("video/x-raw(%s),format=NV12,width=64,height=64,framerate=25/1", accepted[i]);
    g_autoptr(GstCaps) caps = gst_caps_from_string(text);
    gst_harness_set_src_caps(stream.harness, gst_caps_ref(caps));
    g_autoptr(GstCaps) out = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SRC_PAD(stream.element));
    g_assert_true(gst_caps_is_equal(caps, out));
  }
  g_autoptr(GstCaps) packed = gst_caps_from_string("video/x-raw(memory:CUDAMemory),format=YUY2,width=64,height=64");
  g_autoptr(GstCaps) other = gst_caps_from_string("video/x-raw(memory:GLMemory),format=RGBA,width=64,height=64");
  g_assert_false(gst_pad_query_accept_caps(pad, packed));
  g_assert_false(gst_pad_query_accept_caps(pad, other));
  const char *said = gst_element_get_metadata(stream.element, "gpu-memory");
  g_assert_cmpstr(said, ==, "Video in it can be scored here");
  gpu_stream_check(&stream);
  stream_clear(&stream);
}

/* From system memory to a GPU's and back, to another GPU's context in the middle of a stream, and another model. */
static void
test_changes(void)
{
  Stream system = gpu_stream_new(SIDE, ""), gpu = gpu_stream_new(SIDE, "");
  g_autoptr(GstObject) first = emulated_context_new(1), second = emulated_context_new(0);
  stream_set_caps(&system, GST_VIDEO_FORMAT_NV12, 128, 96);
  stream_set_caps(&gpu, GST_VIDEO_FORMAT_NV12, 128, 96);
  gst_buffer_unref(stream_push(&gpu, stream_frame(&gpu, 0, FALSE)));
  gpu_stream_set_caps(&gpu, GST_VIDEO_FORMAT_NV12, 128, 96);
  check_frame(&system, &gpu, first, 1);
  check_frame(&system, &gpu, second, 2);
  check_frame(&system, &gpu, first, 3);
  g_autofree char *model = test_model_write(128, 2);
  g_object_set(system.element, "model", model, NULL);
  g_object_set(gpu.element, "model", model, NULL);
  check_frame(&system, &gpu, first, 4);
  stream_set_caps(&gpu, GST_VIDEO_FORMAT_NV12, 128, 96);
  gst_buffer_unref(stream_push(&gpu, stream_frame(&gpu, 5, FALSE)));
  gpu_stream_check(&gpu);
  stream_clear(&system);
  stream_clear(&gpu);
}

/* A buffer that the test holds too: its memory stays shared, and the held buffer gets no metas. */
static void
test_shared_buffer(void)
{
  Stream stream = gpu_stream_new(SIDE, "");
  g_autoptr(GstObject) context = emulated_context_new(1);
  gpu_stream_set_caps(&stream, GST_VIDEO_FORMAT_RGBA, 64, 64);
  g_autoptr(GstBuffer) frame = stream_frame(&stream, 0, FALSE),
                       ours = gpu_buffer_new(&stream.info, frame, context, FALSE);
  g_autoptr(GstBuffer) out = stream_push(&stream, gst_buffer_ref(ours));
  g_assert_true(out != ours);
  g_assert_null(gst_buffer_get_custom_meta(ours, "CbiganScore"));
  g_assert_true(gst_buffer_peek_memory(out, 0) == gst_buffer_peek_memory(ours, 0));
  stream_clear(&stream);
}

static void
test_wrong_memory(void)
{
  Stream stream = gpu_stream_new(SIDE, "");
  gpu_stream_set_caps(&stream, GST_VIDEO_FORMAT_RGBA, 64, 64);
  g_assert_cmpint(gst_harness_push(stream.harness, stream_frame(&stream, 0, FALSE)), ==, GST_FLOW_ERROR);
  gpu_stream_check_error(&stream, "has 1 memories of type SystemMemory: expected one of type gst.cuda.memory");
  stream_clear(&stream);
}

static void
test_interlaced(void)
{
  Stream stream = gpu_stream_new(SIDE, "");
  gst_harness_set_src_caps_str(stream.harness, "video/x-raw(memory:CUDAMemory),format=NV12,width=64,height=64,"
                                               "framerate=25/1,interlace-mode=interleaved");
  gpu_stream_check_error(&stream, "interlaced video in GPU memory can't be scored");
  stream_clear(&stream);
}

static void
lose(int after)
{
  g_autofree char *machine = g_strdup_printf("lost=%d", after);
  Stream stream = gpu_stream_new(SIDE, "");
  GstObject *context = emulated_context_new(1);
  gpu_stream_set_caps(&stream, GST_VIDEO_FORMAT_NV12, 128, 96);
  g_setenv("CBIGAN_EMULATOR", machine, TRUE);
  GstFlowReturn flow = GST_FLOW_OK;
  for (guint i = 0; i < 20 && flow == GST_FLOW_OK; i++) {
    g_autoptr(GstBuffer) frame = stream_frame(&stream, i, FALSE);
    flow = gst_harness_push(stream.harness, gpu_buffer_new(&stream.info, frame, context, FALSE));
  }
  g_assert_cmpint(flow, ==, GST_FLOW_ERROR);
  gpu_stream_check_error(&stream, "^frame_converter\\.c:[0-9]+: [a-zA-Z_]+\\(.*\\): cudaErrorDevicesUnavailable");
  stream_clear(&stream);
}

static void
test_lost(void)
{
  gpu_stream_lose(lose, 40);
}

/* 1 MiB has room for the frame, and for the small picture of it, but not for a full one. */
static void
test_memory(void)
{
  static const int frames[] = { SIDE, 0 };
  g_autoptr(GstObject) context = emulated_context_new(1);
  g_setenv("CBIGAN_EMULATOR", "memory=1", TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(frames); i++) {
    Stream stream = gpu_stream_new(frames[i], "");
    gpu_stream_set_caps(&stream, GST_VIDEO_FORMAT_NV12, 640, 480);
    g_autoptr(GstBuffer) frame = stream_frame(&stream, 0, FALSE);
    GstFlowReturn flow = gst_harness_push(stream.harness, gpu_buffer_new(&stream.info, frame, context, FALSE));
    g_assert_cmpint(flow, ==, frames[i] ? GST_FLOW_OK : GST_FLOW_ERROR);
    if (flow == GST_FLOW_OK)
      gst_buffer_unref(gst_harness_pull(stream.harness));
    else
      gpu_stream_check_error(&stream, "^frame_converter\\.c:[0-9]+: cudaMalloc\\(.*\\): cudaErrorMemoryAllocation");
    stream_clear(&stream);
  }
  g_setenv("CBIGAN_EMULATOR", "", TRUE);
}

/* The emulated GPU is small: what is left behind would fill it. */
static void
test_again_and_again(void)
{
  g_autoptr(GstObject) context = emulated_context_new(1);
  g_setenv("CBIGAN_EMULATOR", "memory=1", TRUE);
  for (int i = 0; i < 60; i++) {
    Stream stream = gpu_stream_new(SIDE, "");
    gpu_stream_set_caps(&stream, GST_VIDEO_FORMAT_NV12, 320, 240);
    g_autoptr(GstBuffer) frame = stream_frame(&stream, 0, FALSE);
    g_autoptr(GstBuffer) out = stream_push(&stream, gpu_buffer_new(&stream.info, frame, context, FALSE));
    gpu_stream_check(&stream);
    stream_clear(&stream);
  }
  g_setenv("CBIGAN_EMULATOR", "", TRUE);
}

/* The warning for a user whose driver is too old. Which caps the element takes is decided once per process. */
static void
check_driver(const char *machine, const char *words)
{
  g_setenv("CBIGAN_EMULATOR", machine, TRUE);
  Stream stream = gpu_stream_new(SIDE, "");
  g_autoptr(GstPad) pad = gst_element_get_static_pad(stream.element, "sink");
  g_autoptr(GstCaps) template = gst_pad_get_pad_template_caps(pad);
  g_autofree char *text = gst_caps_to_string(template);
  const char *said = gst_element_get_metadata(stream.element, "gpu-memory");
  g_assert_null(strstr(text, "CUDAMemory"));
  g_assert_nonnull(strstr(text, "SystemMemory"));
  if (!strstr(said, words))
    g_error("“%s”, expected “%s”", said, words);
  stream_set_caps(&stream, GST_VIDEO_FORMAT_NV12, 64, 64);
  gst_buffer_unref(stream_push(&stream, stream_frame(&stream, 0, FALSE)));
  stream_clear(&stream);
}

static void
test_driver(void)
{
  static const char *const cases[][2] = {
    { "driver=0", "there is no NVIDIA driver" },
    { "driver=12040", "the NVIDIA driver is for CUDA 12.4, CUDA 13.0 or later is needed" },
  };
  if (g_test_subprocess()) {
    const char *const *row = cases[atoi(g_getenv("CBIGAN_TEST_CASE"))];
    check_driver(row[0], row[1]);
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = g_strdup_printf("%u", i);
    g_setenv("CBIGAN_TEST_CASE", text, TRUE);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
  }
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gpu-video/formats", test_formats);
  g_test_add_func("/gpu-video/crop-meta", test_crop_meta);
  g_test_add_func("/gpu-video/native-sizes", test_native_sizes);
  g_test_add_func("/gpu-video/cuda-backend", test_cuda_backend);
  g_test_add_func("/gpu-video/stays", test_stays);
  g_test_add_func("/gpu-video/destroyed-context", test_destroyed_context);
  g_test_add_func("/gpu-video/device-frames", test_device_frames);
  g_test_add_func("/gpu-video/negotiation", test_negotiation);
  g_test_add_func("/gpu-video/changes", test_changes);
  g_test_add_func("/gpu-video/shared-buffer", test_shared_buffer);
  g_test_add_func("/gpu-video/wrong-memory", test_wrong_memory);
  g_test_add_func("/gpu-video/interlaced", test_interlaced);
  g_test_add_func("/gpu-video/lost", test_lost);
  g_test_add_func("/gpu-video/memory", test_memory);
  g_test_add_func("/gpu-video/again-and-again", test_again_and_again);
  g_test_add_func("/gpu-video/driver", test_driver);
  int status = g_test_run();
  test_model_cleanup();
  return status;
}
