/* test_scorer.c - frames of any size, alone and together, on several threads, in changing light; bad options
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <malloc.h>
#include <math.h>
#include <string.h>

#include "golden/golden.h"
#include "pictures.h"
#include "harness.h"

#define ALL ((1u << CBIGAN_N_GAN_SCORES) - 1)

static CbiganScorer *
open_scorer_threads(CbiganModel *model, CbiganScoreKind kind, int batch, int threads)
{
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = "cpu";
  options.score = kind;
  options.also = ALL;
  options.threads = threads;
  options.batch = batch;
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  return scorer;
}

static CbiganScorer *
open_scorer(CbiganModel *model, CbiganScoreKind kind, int batch)
{
  return open_scorer_threads(model, kind, batch, 1); /* other tests run beside this one */
}

static void
score(CbiganScorer *scorer, const CbiganFrame *frames, guint n, CbiganResult *results)
{
  g_autoptr(GError) error = NULL;
  gboolean ok = cbigan_scorer_score(scorer, frames, n, results, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
}

static void
assert_same(const CbiganResult *a, const CbiganResult *b, const char *what)
{
  for (int k = 0; k < CBIGAN_N_GAN_SCORES; k++)
    if (a->scores[k] != b->scores[k])
      g_error("%s: %s is %.17g, expected exactly %.17g", what, cbigan_score_name((CbiganScoreKind)k), a->scores[k],
              b->scores[k]);
  g_assert_cmpfloat(a->pixel_term, ==, b->pixel_term);
  g_assert_cmpfloat(a->feature_term, ==, b->feature_term);
  g_assert_cmpint(a->map_width, ==, b->map_width);
  g_assert_cmpint(a->map_height, ==, b->map_height);
  g_assert_cmpint(memcmp(a->map, b->map, sizeof(float) * (gsize)a->map_width * (gsize)a->map_height), ==, 0);
  g_assert_cmpuint(a->n_regions, ==, b->n_regions);
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

static void
test_sizes(void)
{
  static const int sizes[][2] = { { 64, 64 }, { 65, 64 }, { 100, 80 }, { 127, 129 }, { 200, 64 } };
  g_autoptr(CbiganModel) model = calibrated_model(64, 0, 0);
  for (int kind = 0; kind < CBIGAN_N_GAN_SCORES; kind++) {
    g_autoptr(CbiganScorer) scorer = open_scorer(model, (CbiganScoreKind)kind, 0);
    CbiganResult result = CBIGAN_RESULT_INIT;
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
      Picture good = picture(sizes[i][0], sizes[i][1], 70 + i, FALSE),
              bad = picture(sizes[i][0], sizes[i][1], 70 + i, TRUE);
      score(scorer, &good.frame, 1, &result);
      double of_good = result.score;
      score(scorer, &bad.frame, 1, &result);
      g_assert_cmpint(result.map_width, ==, sizes[i][0]);
      g_assert_cmpint(result.map_height, ==, sizes[i][1]);
      for (int k = 0; k < result.map_width * result.map_height; k++)
        if (!isfinite(result.map[k]) || result.map[k] < 0)
          g_error("%d x %d: map[%d] is %g, expected a finite number of at least 0", sizes[i][0], sizes[i][1], k,
                  result.map[k]);
      if (!(result.score > of_good))
        g_error("%d x %d, %s: %g with a blot, %g without; expected more", sizes[i][0], sizes[i][1],
                cbigan_score_name((CbiganScoreKind)kind), result.score, of_good);
      g_free(good.pixels);
      g_free(bad.pixels);
    }
    cbigan_result_clear(&result);
  }
}

/* The map is highest where the blot is, and a region lies over it. */
static void
test_place(void)
{
  g_autoptr(CbiganModel) model = calibrated_model(64, 150, 110);
  for (int kind = CBIGAN_SCORE_CALIBRATED; kind < CBIGAN_N_GAN_SCORES; kind++) {
    g_autoptr(CbiganScorer) scorer = open_scorer(model, (CbiganScoreKind)kind, 0);
    CbiganResult result = CBIGAN_RESULT_INIT;
    Picture bad = picture(150, 110, 90, TRUE);
    g_assert_true(cbigan_scorer_set_threshold(scorer, 1e-3, NULL));
    score(scorer, &bad.frame, 1, &result);
    int peak = 0;
    for (int k = 1; k < 150 * 110; k++)
      if (result.map[k] > result.map[peak])
        peak = k;
    if (ABS(peak % 150 - 75) > 10 || ABS(peak / 150 - 36) > 10)
      g_error("%s: the peak is at %d,%d, expected within 10 pixels of 75,36", cbigan_score_name((CbiganScoreKind)kind),
              peak % 150, peak / 150);
    g_assert_cmpfloat_with_epsilon(result.map[peak], result.score, 1e-6 * result.score);
    g_assert_true(cbigan_scorer_set_threshold(scorer, result.score / 2, NULL));
    score(scorer, &bad.frame, 1, &result);
    g_assert_true(result.anomalous);
    g_assert_cmpfloat_with_epsilon(result.normalized, 2.0 / 3.0, 1e-9);
    g_assert_cmpuint(result.n_regions, >=, 1);
    const CbiganRegion *r = &result.regions[0];
    g_assert_cmpfloat_with_epsilon(r->peak, result.normalized, 1e-6);
    if (r->x * 150 > 75 || (r->x + r->w) * 150 < 75 || r->y * 110 > 36 || (r->y + r->h) * 110 < 36)
      g_error("%s: region %g,%g %gx%g is not over 75,36", cbigan_score_name((CbiganScoreKind)kind), r->x * 150,
              r->y * 110, r->w * 150, r->h * 110);
    g_free(bad.pixels);
    cbigan_result_clear(&result);
  }
}

/* Several frames in one call, of several sizes, in any batch: exactly the scores that each has alone. */
static void
test_together(void)
{
  enum { N = 7 };
  static const int batches[] = { 0, 1, 3, 16, 32 };
  g_autoptr(CbiganModel) model = calibrated_model(64, 0, 0);
  Picture pictures[N];
  CbiganFrame frames[N];
  for (int i = 0; i < N; i++) {
    pictures[i] = picture(64 + 23 * (i % 4), 64 + 31 * (i % 3), 30 + (guint)i, i % 2);
    frames[i] = pictures[i].frame;
  }
  for (guint b = 0; b < G_N_ELEMENTS(batches); b++) {
    g_autoptr(CbiganScorer) scorer = open_scorer(model, CBIGAN_SCORE_CALIBRATED, batches[b]);
    CbiganResult together[N] = { CBIGAN_RESULT_INIT }, alone = CBIGAN_RESULT_INIT;
    score(scorer, frames, N, together);
    for (int i = 0; i < N; i++) {
      g_autofree char *what = g_strdup_printf("batch %d, frame %d", batches[b], i);
      score(scorer, &frames[i], 1, &alone);
      assert_same(&alone, &together[i], what);
      cbigan_result_clear(&together[i]);
    }
    cbigan_result_clear(&alone);
    score(scorer, NULL, 0, NULL);
  }
  for (int i = 0; i < N; i++)
    g_free(pictures[i].pixels);
}

static void
test_bad_frames(void)
{
  g_autoptr(CbiganModel) model = calibrated_model(64, 64, 64), any = golden_model(3, 64);
  g_autoptr(CbiganScorer) fixed = open_scorer(model, CBIGAN_SCORE_MODEL, 0);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  g_autoptr(CbiganScorer) native = cbigan_scorer_new(any, &options, NULL);
  Picture p = picture(70, 64, 1, FALSE), good = picture(64, 64, 2, FALSE);
  CbiganFrame narrow = p.frame, thin = good.frame, elsewhere = good.frame;
  narrow.width = 63;
  thin.stride = 100;
  elsewhere.on_device = TRUE;
  const struct {
    CbiganScorer *scorer;
    CbiganFrame frame;
    const char *text[2];
  } cases[] = {
    { fixed, p.frame, { "70 x 64", "64 x 64" } },
    { native, narrow, { "63 x 64", "64 x 64" } },
    { native, thin, { "100 bytes", "64 x 64" } },
    { native, { p.pixels, 0, 0, 0 }, { "0 x 0", "0 x 0" } },
    { fixed, elsewhere, { "GPU", "expected host memory" } },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    CbiganResult results[2] = { CBIGAN_RESULT_INIT, CBIGAN_RESULT_INIT };
    CbiganFrame frames[2] = { good.frame, cases[i].frame };
    g_assert_false(cbigan_scorer_score(cases[i].scorer, frames, 2, results, &error));
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME);
    for (int k = 0; k < 2; k++)
      if (!strstr(error->message, cases[i].text[k]))
        g_error("case %u: \"%s\", expected \"%s\" in it", i, error->message, cases[i].text[k]);
    score(cases[i].scorer, &good.frame, 1, results); /* and goes on */
    cbigan_result_clear(&results[0]);
    cbigan_result_clear(&results[1]);
  }
  g_free(p.pixels);
  g_free(good.pixels);
}

/* --- light ----------------------------------------------------------------------------------------------------- */

/* A change of the whole frame must move critic and calibrated far less than the blot does. */
static void
test_light(void)
{
  static const struct {
    double gain, offset;
  } lights[] = { { 0.92, 0 }, { 1.08, 0 }, { 1, 10 }, { 1, -10 } };
  g_autoptr(CbiganModel) model = calibrated_model(64, 64, 64);
  g_assert_false(isnan(model->info.light_median));
  g_autoptr(CbiganScorer) scorer = open_scorer(model, CBIGAN_SCORE_MODEL, 0);
  CbiganResult plain = CBIGAN_RESULT_INIT, changed = CBIGAN_RESULT_INIT, blotted = CBIGAN_RESULT_INIT;
  for (guint seed = 200; seed < 205; seed++) {
    Picture good = picture(64, 64, seed, FALSE), bad = picture(64, 64, seed, TRUE);
    score(scorer, &good.frame, 1, &plain);
    score(scorer, &bad.frame, 1, &blotted);
    for (guint i = 0; i < G_N_ELEMENTS(lights); i++) {
      Picture other = picture(64, 64, seed, FALSE);
      change_light(&other, lights[i].gain, lights[i].offset);
      score(scorer, &other.frame, 1, &changed);
      for (int k = CBIGAN_SCORE_CALIBRATED; k < CBIGAN_N_GAN_SCORES; k++) {
        double moved = fabs(changed.scores[k] - plain.scores[k]), by_blot = blotted.scores[k] - plain.scores[k];
        if (!(moved < 0.1 * by_blot))
          g_error("%s, gain %g offset %g: %g -> %g, a blot makes it %g; expected less than a tenth of that",
                  cbigan_score_name((CbiganScoreKind)k), lights[i].gain, lights[i].offset, plain.scores[k],
                  changed.scores[k], blotted.scores[k]);
      }
      g_free(other.pixels);
    }
    g_free(good.pixels);
    g_free(bad.pixels);
  }
  cbigan_result_clear(&plain);
  cbigan_result_clear(&changed);
  cbigan_result_clear(&blotted);
}

/* --- options --------------------------------------------------------------------------------------------------- */

static void
test_options(void)
{
  g_autoptr(CbiganModel) plain = golden_model(1, 64), full = calibrated_model(64, 64, 64);
  const CbiganScorerOptions init = CBIGAN_SCORER_OPTIONS_INIT;
  struct {
    CbiganModel *model;
    CbiganScorerOptions options;
    CbiganError code;
    const char *text;
  } cases[] = {
    { plain, init, CBIGAN_ERROR_ARGUMENT, "critic" },
    { plain, init, CBIGAN_ERROR_ARGUMENT, "calibrated" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "lambda is inf" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "lambda is 1.5" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "threshold is -1" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "batch is -2" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "threads is -1" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "expected paper, calibrated, critic" },
    { full, init, CBIGAN_ERROR_BACKEND, "abacus" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "expected paper, calibrated, critic" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "expected auto, fp32, bf16 or fp16" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "expected auto, fp32, bf16 or fp16" },
    { full, init, CBIGAN_ERROR_BACKEND, "“reference” can't do bf16 here; it has: fp32" },
    { full, init, CBIGAN_ERROR_BACKEND, "“cpu” can't do fp16 here; it has: fp32, bf16" },
    { full, init, CBIGAN_ERROR_ARGUMENT, "expected all, anomalous or none" },
  };
  cases[0].options.score = CBIGAN_SCORE_CRITIC;
  cases[1].options.also = 1u << CBIGAN_SCORE_CALIBRATED;
  cases[2].options.lambda = INFINITY;
  cases[3].options.lambda = 1.5;
  cases[4].options.threshold = -1;
  cases[5].options.batch = -2;
  cases[6].options.threads = -1;
  cases[7].options.score = (CbiganScoreKind)9;
  cases[8].options.backend = "abacus";
  cases[9].options.also = 1u << 8;
  cases[10].options.precision = CBIGAN_N_PRECISIONS;
  cases[11].options.precision = (CbiganPrecision)-1;
  cases[12].options.precision = CBIGAN_PRECISION_BF16;
  cases[12].options.backend = "reference";
  cases[13].options.precision = CBIGAN_PRECISION_FP16;
  cases[13].options.backend = "cpu";
  cases[14].options.maps = CBIGAN_N_MAPS;
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(cbigan_scorer_new(cases[i].model, &cases[i].options, &error));
    expect_error(error, cases[i].code, cases[i].text);
  }
}

static void
test_tunable(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = calibrated_model(64, 64, 64);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, CBIGAN_SCORE_MODEL, 0),
                          paper = open_scorer(model, CBIGAN_SCORE_PAPER, 0);
  Picture p = picture(64, 64, 55, TRUE);
  CbiganResult r = CBIGAN_RESULT_INIT;
  g_assert_cmpstr(cbigan_scorer_backend(scorer), ==, "cpu");
  score(scorer, &p.frame, 1, &r);
  g_assert_cmpfloat(r.threshold, ==, model->info.threshold);
  g_assert_true(cbigan_scorer_set_threshold(scorer, r.score, &error)); /* at it, not over it */
  score(scorer, &p.frame, 1, &r);
  g_assert_false(r.anomalous);
  g_assert_cmpfloat(r.normalized, ==, 0.5);
  g_assert_cmpuint(r.n_regions, ==, 0);
  g_assert_true(cbigan_scorer_set_threshold(scorer, NAN, &error)); /* the model's again */
  score(scorer, &p.frame, 1, &r);
  g_assert_cmpfloat(r.threshold, ==, model->info.threshold);
  g_assert_false(cbigan_scorer_set_threshold(scorer, INFINITY, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT);
  g_clear_error(&error);

  score(paper, &p.frame, 1, &r); /* the model's threshold is for another score */
  g_assert_true(isnan(r.threshold) && isnan(r.normalized) && !r.anomalous && r.n_regions == 0);
  for (double lambda = 0; lambda <= 1; lambda += 0.25) {
    g_assert_true(cbigan_scorer_set_lambda(paper, lambda, &error));
    score(paper, &p.frame, 1, &r);
    g_assert_cmpfloat_with_epsilon(r.score, (1 - lambda) * r.pixel_term + lambda * r.feature_term, 1e-9 * r.score);
  }
  g_assert_false(cbigan_scorer_set_lambda(paper, -0.1, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT);
  g_free(p.pixels);
  cbigan_result_clear(&r);
}

static void
test_not_finite(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = golden_model(1, 64);
  for (gsize i = 0; i < model->networks[CBIGAN_ENCODER]->n_floats; i++)
    model->parameters[CBIGAN_ENCODER][i] = 3e38f;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, NULL, &error);
  g_assert_no_error(error);
  Picture p = picture(64, 64, 1, FALSE);
  CbiganResult r = CBIGAN_RESULT_INIT;
  g_assert_false(cbigan_scorer_score(scorer, &p.frame, 1, &r, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  g_free(p.pixels);
  cbigan_result_clear(&r);
}

/* --- threads and memory ---------------------------------------------------------------------------------------- */

enum { STREAM = 12 };

typedef struct {
  CbiganModel *model;
  int threads; /* of its scorer */
  CbiganFrame frames[STREAM];
  CbiganResult results[STREAM];
} Stream;

static gpointer
score_stream(gpointer data)
{
  Stream *stream = data;
  g_autoptr(CbiganScorer) scorer = open_scorer_threads(stream->model, CBIGAN_SCORE_MODEL, 0, stream->threads);
  for (int i = 0; i < STREAM; i++)
    score(scorer, &stream->frames[i], 1, &stream->results[i]);
  return NULL;
}

/* Scorers in several threads of the program score to the bit as one alone does, however they divide the processors
 * among their teams. (A scorer opened for another number of threads may round otherwise.) */
static void
check_threads(int team)
{
  enum { THREADS = 4 };
  g_autoptr(CbiganModel) model = calibrated_model(64, 100, 80);
  g_autofree Stream *streams = g_new0(Stream, THREADS);
  Picture pictures[STREAM];
  GThread *threads[THREADS];
  for (guint i = 0; i < STREAM; i++)
    pictures[i] = picture(100, 80, 400 + i, i % 3 == 0);
  for (int t = 0; t < THREADS; t++) {
    streams[t].model = model;
    streams[t].threads = team;
    for (int i = 0; i < STREAM; i++)
      streams[t].frames[i] = pictures[i].frame;
  }
  score_stream(&streams[0]); /* alone */
  for (int t = 1; t < THREADS; t++)
    threads[t] = g_thread_new("scorer", score_stream, &streams[t]);
  for (int t = 1; t < THREADS; t++)
    g_thread_join(threads[t]);
  for (int t = 0; t < THREADS; t++)
    for (int i = 0; i < STREAM; i++) {
      assert_same(&streams[t].results[i], &streams[0].results[i], "thread");
      if (t > 0)
        cbigan_result_clear(&streams[t].results[i]);
    }
  for (int i = 0; i < STREAM; i++) {
    cbigan_result_clear(&streams[0].results[i]);
    g_free(pictures[i].pixels);
  }
}

static void
test_threads(void)
{
  check_threads(1);
  check_threads(3);
}

static void
test_memory(void)
{
  g_autoptr(CbiganModel) model = calibrated_model(64, 100, 80);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, CBIGAN_SCORE_CALIBRATED, 0);
  Picture p = picture(100, 80, 3, TRUE);
  CbiganResult r = CBIGAN_RESULT_INIT;
  for (int i = 0; i < 3; i++)
    score(scorer, &p.frame, 1, &r);
  float *map = r.map;
  struct mallinfo2 before = mallinfo2();
  for (int i = 0; i < 50; i++)
    score(scorer, &p.frame, 1, &r);
  struct mallinfo2 after = mallinfo2();
  g_assert_true(r.map == map);
  if (after.uordblks + after.hblkhd > before.uordblks + before.hblkhd + 4096)
    g_error("50 frames left %zu bytes more allocated, expected at most 4096",
            after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
  g_free(p.pixels);
  cbigan_result_clear(&r);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/scorer/sizes", test_sizes);
  g_test_add_func("/scorer/place", test_place);
  g_test_add_func("/scorer/together", test_together);
  g_test_add_func("/scorer/bad-frames", test_bad_frames);
  g_test_add_func("/scorer/light", test_light);
  g_test_add_func("/scorer/options", test_options);
  g_test_add_func("/scorer/tunable", test_tunable);
  g_test_add_func("/scorer/not-finite", test_not_finite);
  g_test_add_func("/scorer/threads", test_threads);
  g_test_add_func("/scorer/memory", test_memory);
  return g_test_run();
}
