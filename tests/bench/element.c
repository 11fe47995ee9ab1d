/* element.c - what cbiganscore costs beside the bare core call on the same frames
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element [ROUNDS [THREADS [CASE]]], with GST_PLUGIN_PATH set (meson devenv -C build). For each case (or one, counted
 * from 0) it scores the same frame in turn by cbigan_scorer_score() alone, by all that the core has to do for what the
 * element attaches (conversion, score, the heat map and, of a frame with a defect, its colours), and by pushing a
 * buffer through the element; prints the medians of the rounds and the ratios.
 */
#include <cbigan.h>
#include <video_input.h>

#include "bench.h"
#include "stream.h"
#include "test_model.h"

enum { CORE, PICTURES, ELEMENT, N_WAYS };

typedef struct {
  int width, frame; /* c, and the model's frame */
  GstVideoFormat format;
  int video_width, video_height;
  gboolean hole; /* with regions, metas for them and an overlay, which the bare call does not make */
} Case;

static const Case cases[] = {
  { 4, 64, GST_VIDEO_FORMAT_RGB, 64, 64, FALSE },      { 4, 64, GST_VIDEO_FORMAT_RGB, 64, 64, TRUE },
  { 4, 64, GST_VIDEO_FORMAT_NV12, 640, 480, FALSE },   { 3, 512, GST_VIDEO_FORMAT_RGB, 512, 512, FALSE },
  { 3, 512, GST_VIDEO_FORMAT_NV12, 1280, 720, FALSE }, { 3, 512, GST_VIDEO_FORMAT_NV12, 1280, 720, TRUE },
  { 16, 256, GST_VIDEO_FORMAT_RGB, 256, 256, FALSE },
};

/* One frame in the forms that the three ways take, and what they need. */
typedef struct {
  Stream stream;
  GstBuffer *buffer;
  GstVideoFrame mapped; /* buffer */
  CbiganScorer *scorer;
  CbiganVideoInput *input;
  CbiganResult result;
  CbiganFrame rgb; /* converted once, for CORE */
  guint16 *gray;   /* (frame, frame), for PICTURES; so is */
  guint8 *bgra;    /* (frame, frame, 4) */
} Bench;

static void
convert(Bench *self)
{
  self->rgb.data =
      cbigan_video_input_convert(self->input, &self->mapped, &self->rgb.width, &self->rgb.height, &self->rgb.stride);
}

static void
draw(Bench *self)
{
  const CbiganResult *r = &self->result;
  cbigan_map_to_gray16(r->map, r->map_width, r->map_height, r->threshold, self->gray);
  if (r->n_regions)
    cbigan_map_to_bgra(r->map, r->map_width, r->map_height, r->threshold, self->bgra);
}

static double
run_once(Bench *self, int way)
{
  GstBuffer *buffer = way == ELEMENT ? gst_buffer_copy(self->buffer) : NULL;
  gint64 start = g_get_monotonic_time();
  if (way == ELEMENT) {
    gst_harness_push(self->stream.harness, buffer);
  } else {
    if (way == PICTURES)
      convert(self);
    g_assert_true(cbigan_scorer_score(self->scorer, &self->rgb, 1, &self->result, NULL));
    if (way == PICTURES)
      draw(self);
  }
  double took = (double)(g_get_monotonic_time() - start) / 1000;
  if (way == ELEMENT)
    gst_buffer_unref(gst_harness_pull(self->stream.harness));
  return took;
}

static Bench
bench_new(const Case *c, int threads)
{
  Bench self = { .result = CBIGAN_RESULT_INIT };
  g_autoptr(GError) error = NULL;
  g_autofree char *path = test_model_write_wide(c->width, c->frame, 1);
  g_autofree char *properties = g_strdup_printf("threads=%d model=%s qos=false", threads, path);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.threads = threads;
  self.stream = stream_new(properties);
  stream_set_caps(&self.stream, c->format, c->video_width, c->video_height);
  self.buffer = stream_frame(&self.stream, 1, c->hole);
  g_autoptr(CbiganModel) model = cbigan_model_load(path, &error);
  g_assert_no_error(error);
  self.scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  self.input = cbigan_video_input_new(&self.stream.info, c->frame, c->frame, &error);
  g_assert_no_error(error);
  g_assert_true(gst_video_frame_map(&self.mapped, &self.stream.info, self.buffer, GST_MAP_READ));
  convert(&self);
  self.gray = g_new(guint16, (gsize)c->frame * (gsize)c->frame);
  self.bgra = g_new(guint8, (gsize)4 * (gsize)c->frame * (gsize)c->frame);
  return self;
}

static void
bench_clear(Bench *self)
{
  cbigan_video_input_free(self->input);
  cbigan_scorer_free(self->scorer);
  cbigan_result_clear(&self->result);
  gst_video_frame_unmap(&self->mapped);
  gst_buffer_unref(self->buffer);
  g_free(self->gray);
  g_free(self->bgra);
  stream_clear(&self->stream);
}

static void
measure(const Case *c, int rounds, int threads)
{
  Bench bench = bench_new(c, threads);
  double *times[N_WAYS], median[N_WAYS];
  for (int way = 0; way < N_WAYS; way++)
    times[way] = g_new(double, rounds);
  for (int i = -2; i < rounds; i++) /* the first two set up what is kept */
    for (int way = 0; way < N_WAYS; way++)
      times[way][MAX(i, 0)] = run_once(&bench, way);
  for (int way = 0; way < N_WAYS; way++) {
    median[way] = bench_quantile(times[way], (gsize)rounds, 0.5);
    g_free(times[way]);
  }
  g_print("%3d %4dx%-4d %5s %4dx%-4d %-5s %8.3f %8.3f %8.3f %8.3f %8.3f\n", c->width, c->frame, c->frame,
          gst_video_format_to_string(c->format), c->video_width, c->video_height, c->hole ? "hole" : "good",
          median[CORE], median[PICTURES], median[ELEMENT], median[ELEMENT] / median[CORE],
          median[ELEMENT] / median[PICTURES]);
  bench_clear(&bench);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  int rounds = argc > 1 ? atoi(argv[1]) : 51, threads = argc > 2 ? atoi(argv[2]) : 0;
  int only = argc > 3 ? atoi(argv[3]) : -1;
  g_print("medians of %d rounds, ms a frame\n", rounds);
  g_print("  c model     video           frame     core +picture  element    /core /picture\n");
  for (guint i = 0; i < G_N_ELEMENTS(cases) && rounds > 0; i++)
    if (only < 0 || (guint)only == i)
      measure(&cases[i], rounds, threads);
  test_model_cleanup();
  return rounds > 0 ? 0 : 2;
}
