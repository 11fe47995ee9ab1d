/* sharing.c - several scorers in one process: frames per second of all together, latency, and the cost of waiting
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sharing [SECONDS [THREADS]]. For each case 1, 2 and 4 scorers score without a pause, each in a thread of its own, in
 * turns of a third of SECONDS (default 3); prints frames per second of all together, their ratio to the one scorer's,
 * and the median and 95th percentile of a frame's time. Then each case at 25 frames a second, as a camera sends them: a
 * frame's time, the processor time a frame took and its ratio to that of one scored without a pause, and the processor
 * time of a second without frames: spinning shows there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bench.h"
#include "cbigan.h"
#include "golden/golden.h"

#define TURNS 3
#define MOST 4 /* scorers */
#define CAMERA_USEC 40000

typedef struct {
  int width, patch, patches; /* c, side, patches of a row of the frame */
} Case;

static const Case cases[] = { { 4, 64, 8 }, { 16, 64, 8 }, { 4, 64, 1 }, { 16, 64, 1 }, { 4, 128, 1 }, { 16, 128, 1 } };
static const int counts[] = { 1, 2, MOST };

/* One scorer's: it scores until `end`. */
typedef struct {
  CbiganScorer *scorer;
  CbiganFrame frame;
  CbiganResult result;
  gint64 end;
  GArray *times; /* ms */
} Stream;

static double
processor_seconds(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void
score_once(Stream *stream)
{
  g_autoptr(GError) error = NULL;
  gint64 start = g_get_monotonic_time();
  if (!cbigan_scorer_score(stream->scorer, &stream->frame, 1, &stream->result, &error))
    g_error("%s", error->message);
  double took = (double)(g_get_monotonic_time() - start) / 1000;
  g_array_append_val(stream->times, took);
}

static gpointer
score_on(gpointer data)
{
  Stream *stream = data;
  while (g_get_monotonic_time() < stream->end)
    score_once(stream);
  return NULL;
}

static double
quantile(GArray *times, double share)
{
  return bench_quantile((double *)(gpointer)times->data, times->len, share);
}

/* Frames a second of n streams together; their times are added to `times`. */
static double
run_together(Stream *streams, int n, gint64 usec, GArray *times)
{
  GThread *threads[MOST];
  gint64 start = g_get_monotonic_time();
  guint frames = 0;
  for (int i = 0; i < n; i++) {
    g_array_set_size(streams[i].times, 0);
    streams[i].end = start + usec;
    threads[i] = g_thread_new("stream", score_on, &streams[i]);
  }
  for (int i = 0; i < n; i++)
    g_thread_join(threads[i]);
  double seconds = (double)(g_get_monotonic_time() - start) * 1e-6;
  for (int i = 0; i < n; i++) {
    frames += streams[i].times->len;
    g_array_append_vals(times, streams[i].times->data, streams[i].times->len);
  }
  return frames / seconds;
}

static void
measure_together(const Case *c, Stream *streams, double seconds)
{
  GArray *times[G_N_ELEMENTS(counts)];
  double rates[G_N_ELEMENTS(counts)][TURNS], medians[G_N_ELEMENTS(counts)];
  for (guint k = 0; k < G_N_ELEMENTS(counts); k++)
    times[k] = g_array_new(FALSE, FALSE, sizeof(double));
  for (int turn = 0; turn < TURNS; turn++)
    for (guint k = 0; k < G_N_ELEMENTS(counts); k++)
      rates[k][turn] = run_together(streams, counts[k], (gint64)(seconds / TURNS * 1e6), times[k]);
  for (guint k = 0; k < G_N_ELEMENTS(counts); k++) {
    medians[k] = bench_quantile(rates[k], TURNS, 0.5);
    printf("%3d %5d %7d %8d %9.1f %6.2f %9.3f %9.3f\n", c->width, c->patch, c->patches * c->patches, counts[k],
           medians[k], medians[k] / medians[0], quantile(times[k], 0.5), quantile(times[k], 0.95));
    g_array_unref(times[k]);
  }
}

static void
measure_camera(const Case *c, Stream *stream, double seconds)
{
  double start, busy, camera, without_pause;
  int n = 0;
  g_array_set_size(stream->times, 0);
  start = processor_seconds();
  stream->end = g_get_monotonic_time() + (gint64)(seconds / TURNS * 1e6);
  score_on(stream);
  busy = (processor_seconds() - start) / stream->times->len;
  without_pause = quantile(stream->times, 0.5);
  g_array_set_size(stream->times, 0);
  start = processor_seconds();
  for (gint64 next = g_get_monotonic_time(); n < seconds * 1e6 / CAMERA_USEC; n++, next += CAMERA_USEC) {
    g_usleep((gulong)MAX(1, next - g_get_monotonic_time()));
    score_once(stream);
  }
  camera = (processor_seconds() - start) / n;
  start = processor_seconds();
  g_usleep(G_USEC_PER_SEC);
  printf("%3d %5d %7d %9.3f %9.3f %9.3f %9.3f %6.2f %7.3f\n", c->width, c->patch, c->patches * c->patches,
         without_pause, quantile(stream->times, 0.5), quantile(stream->times, 0.95), camera * 1000, camera / busy,
         (processor_seconds() - start) * 1000);
}

/* Streams of one frame, of random pixels. */
static void
open_streams(const Case *c, int threads, Stream *streams)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = golden_model(c->width, c->patch);
  int side = c->patch * c->patches;
  gsize size = (gsize)side * side * 3;
  guint8 *pixels = bench_pixels(size);
  model->info.frame_width = model->info.frame_height = side; /* so that the size of the batches fits the frame */
  model->info.score = CBIGAN_SCORE_PAPER;
  model->info.scores[CBIGAN_SCORE_PAPER] = TRUE;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = "cpu";
  options.threads = threads;
  for (int i = 0; i < MOST; i++) {
    streams[i] = (Stream){ .scorer = cbigan_scorer_new(model, &options, &error),
                           .frame = { pixels, side, side, (gsize)side * 3 },
                           .result = CBIGAN_RESULT_INIT,
                           .times = g_array_new(FALSE, FALSE, sizeof(double)) };
    if (!streams[i].scorer)
      g_error("%s", error->message);
    score_once(&streams[i]);
  }
}

static void
close_streams(Stream *streams)
{
  g_free((guint8 *)streams[0].frame.data);
  for (int i = 0; i < MOST; i++) {
    cbigan_scorer_free(streams[i].scorer);
    cbigan_result_clear(&streams[i].result);
    g_array_unref(streams[i].times);
  }
}

int
main(int argc, char **argv)
{
  double seconds = argc > 1 ? atof(argv[1]) : 3;
  int threads = argc > 2 ? atoi(argv[2]) : 0;
  if (argc > 3 || !(seconds > 0) || threads < 0) {
    fprintf(stderr, "usage: sharing [SECONDS [THREADS]]\n");
    return 2;
  }
  Stream streams[MOST];
  printf("without a pause; times in ms\n  c patch patches  scorers  frames/s  ratio    median       95%%\n");
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    open_streams(&cases[i], threads, streams);
    measure_together(&cases[i], streams, seconds);
    close_streams(streams);
  }
  printf(
      "25 frames a second; times in ms\n  c patch patches  no pause    median       95%%  processor  ratio  idle/s\n");
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    open_streams(&cases[i], threads, streams);
    measure_camera(&cases[i], &streams[0], seconds);
    close_streams(streams);
  }
  return 0;
}
