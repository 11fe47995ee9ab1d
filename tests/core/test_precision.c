/* test_precision.c - the precision that a scorer takes, and the check of bf16
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tests hold on every machine: where the network computes nothing in bf16, the check must say so.
 */
#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "golden/golden.h"
#include "score/calibration.h"
#include "harness.h"

enum { N = 8, SIDE = 64, SIZE = SIDE * SIDE * 3 };

typedef struct {
  CbiganModel *model;
  guint8 *pixels;
  CbiganFrame frames[N];
  CbiganCalibrationOptions options;
} Fixture;

/* A model of the golden weights, not calibrated, and good pictures: waves and a little grain. */
static void
set_up(Fixture *f, gconstpointer unused)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(5);
  f->model = golden_model(3, SIDE);
  f->model->info.frame_width = f->model->info.frame_height = SIDE;
  f->options = (CbiganCalibrationOptions){ CBIGAN_SCORE_CRITIC, FALSE, 0.05, "cpu", 0, 1 };
  f->pixels = g_malloc(N * SIZE);
  for (int i = 0; i < N * SIZE; i++) {
    int x = i / 3 % SIDE, y = i / 3 / SIDE; /* y runs on from picture to picture */
    f->pixels[i] = (guint8)(118 + 45 * sin(x / 7.0) * cos(y / 8.0 + i % 3) + g_rand_double_range(random, -6, 6));
  }
  for (int i = 0; i < N; i++)
    f->frames[i] = (CbiganFrame){ f->pixels + i * SIZE, SIDE, SIDE, 3 * SIDE };
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
  cbigan_model_unref(f->model);
  g_free(f->pixels);
}

static void
calibrate(Fixture *f, CbiganBf16Check *check)
{
  g_autoptr(GError) error = NULL;
  gboolean ok = cbigan_model_calibrate(f->model, &f->options, f->frames, N, check, &error);
  g_assert_no_error(error);
  g_assert_true(ok);
}

static CbiganScorer *
open_scorer(CbiganModel *model, const char *backend, CbiganScoreKind kind, CbiganPrecision precision)
{
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = backend;
  options.threads = 1;
  options.score = kind;
  options.precision = precision;
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  return scorer;
}

static void
score_good(Fixture *f, CbiganPrecision precision, double scores[N])
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganScorer) scorer = open_scorer(f->model, "cpu", CBIGAN_SCORE_MODEL, precision);
  CbiganResult results[N] = { CBIGAN_RESULT_INIT };
  cbigan_scorer_score(scorer, f->frames, N, results, &error);
  g_assert_no_error(error);
  for (int i = 0; i < N; i++) {
    scores[i] = results[i].score;
    cbigan_result_clear(&results[i]);
  }
}

/* The good picture whose scores differ most; *difference = 0 if none do. */
static int
most_different(Fixture *f, double fp32[N], double bf16[N], double *difference)
{
  int most = 0;
  score_good(f, CBIGAN_PRECISION_FP32, fp32);
  score_good(f, CBIGAN_PRECISION_BF16, bf16);
  for (int i = 1; i < N; i++)
    if (fabs(bf16[i] - fp32[i]) > fabs(bf16[most] - fp32[most]))
      most = i;
  *difference = fabs(bf16[most] - fp32[most]);
  return most;
}

/* --- what a scorer takes --------------------------------------------------------------------------------------- */

static void
assert_precision(CbiganModel *model, const char *backend, CbiganScoreKind kind, CbiganPrecision asked,
                 CbiganPrecision expected)
{
  g_autoptr(CbiganScorer) scorer = open_scorer(model, backend, kind, asked);
  g_assert_cmpstr(cbigan_precision_name(cbigan_scorer_precision(scorer)), ==, cbigan_precision_name(expected));
}

static void
test_choice(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganBackend) cpu =
      open_backend(&(CbiganBackendOptions){ .name = "cpu", .threads = 1, .width = f->model->info.width });
  const CbiganPrecision faster = cpu->precision;
  calibrate(f, NULL);
  CbiganScoreKind own = f->model->info.score;
  g_assert_true(isnan(f->model->info.bf16_error));
  assert_precision(f->model, "cpu", own, CBIGAN_PRECISION_AUTO, CBIGAN_PRECISION_FP32);
  f->model->info.bf16_error = 0.01;
  assert_precision(f->model, "cpu", own, CBIGAN_PRECISION_AUTO, faster);
  assert_precision(f->model, "cpu", CBIGAN_SCORE_PAPER, CBIGAN_PRECISION_AUTO, CBIGAN_PRECISION_FP32);
  assert_precision(f->model, "reference", own, CBIGAN_PRECISION_AUTO, CBIGAN_PRECISION_FP32);
  assert_precision(f->model, "cpu", own, CBIGAN_PRECISION_FP32, CBIGAN_PRECISION_FP32);
  assert_precision(f->model, "cpu", CBIGAN_SCORE_PAPER, CBIGAN_PRECISION_BF16, CBIGAN_PRECISION_BF16);
  assert_precision(f->model, "reference", own, CBIGAN_PRECISION_FP32, CBIGAN_PRECISION_FP32);
}

static void
test_names(void)
{
  static const char *const names[CBIGAN_N_PRECISIONS] = { "auto", "fp32", "bf16", "fp16" };
  for (int i = 0; i < CBIGAN_N_PRECISIONS; i++)
    g_assert_cmpstr(cbigan_precision_name((CbiganPrecision)i), ==, names[i]);
}

/* --- what the check finds -------------------------------------------------------------------------------------- */

/* The check must have been tried and must report this difference of a score. */
static void
assert_tried(const CbiganModelInfo *info, const CbiganBf16Check *check, double score, double difference)
{
  double least = difference / MAX(info->threshold, score);
  g_test_message("largest error %g, %u of %u verdicts changed", check->error, check->changed, check->pictures);
  g_assert_null(check->untried);
  g_assert_cmpuint(check->pictures, ==, 3 * N); /* each good picture, and two defects in it */
  g_assert_cmpfloat(check->error, >=, least);
  if (check->changed || check->error > CBIGAN_BF16_LIMIT)
    g_assert_true(isnan(info->bf16_error));
  else
    g_assert_cmpfloat(info->bf16_error, ==, check->error);
}

static void
assert_untried(const CbiganModelInfo *info, const CbiganBf16Check *check, const char *reason)
{
  g_assert_true(isnan(info->bf16_error));
  if (!check->untried || !strstr(check->untried, reason))
    g_error("the reason is \"%s\", expected \"%s\" in it", check->untried, reason);
}

static void
test_check(Fixture *f, gconstpointer unused)
{
  g_auto(CbiganBf16Check) check = { 0 }, again = { 0 };
  double fp32[N], bf16[N], difference;
  calibrate(f, &check);
  int most = most_different(f, fp32, bf16, &difference);
  if (difference > 0)
    assert_tried(&f->model->info, &check, fp32[most], difference);
  else
    assert_untried(&f->model->info, &check, "the same in bf16");
  cbigan_model_check_bf16(f->model, &f->options, f->frames, N, &again);
  g_assert_cmpfloat(again.error, ==, check.error); /* the same defects each time */

  f->model->info.bf16_error = 0.01;
  calibrate(f, NULL); /* was for other statistics */
  g_assert_true(isnan(f->model->info.bf16_error));
}

/* A threshold between the two scores of one picture changes its verdict; one far below all of them changes none, but is
 * small beside the differences. */
static void
test_refused(Fixture *f, gconstpointer unused)
{
  g_auto(CbiganBf16Check) between = { 0 }, below = { 0 };
  double fp32[N], bf16[N], difference;
  calibrate(f, NULL);
  int most = most_different(f, fp32, bf16, &difference);
  if (difference == 0) {
    g_test_skip("bf16 is computed as fp32 on this machine");
    return;
  }
  f->model->info.threshold = (fp32[most] + bf16[most]) / 2;
  cbigan_model_check_bf16(f->model, &f->options, f->frames, N, &between);
  assert_tried(&f->model->info, &between, fp32[most], difference);
  g_assert_cmpuint(between.changed, >=, 1);
  g_assert_true(isnan(f->model->info.bf16_error));

  f->model->info.threshold = difference / 10;
  cbigan_model_check_bf16(f->model, &f->options, f->frames, N, &below);
  assert_tried(&f->model->info, &below, fp32[most], difference);
  g_assert_cmpuint(below.changed, ==, 0);
  g_assert_cmpfloat(below.error, <, 1); /* of the scores, not of the threshold, which is ten times less than it */
}

static void
test_untried(Fixture *f, gconstpointer unused)
{
  static const double thresholds[] = { 0, NAN };
  g_auto(CbiganBf16Check) reference = { 0 };
  f->options.backend = "reference";
  calibrate(f, &reference);
  assert_untried(&f->model->info, &reference, "“reference” can't do bf16");
  f->options.backend = "cpu";
  for (guint i = 0; i < G_N_ELEMENTS(thresholds); i++) {
    g_auto(CbiganBf16Check) check = { 0 };
    f->model->info.threshold = thresholds[i];
    f->model->info.bf16_error = 0.01;
    cbigan_model_check_bf16(f->model, &f->options, f->frames, N, &check);
    assert_untried(&f->model->info, &check, "threshold");
  }
}

int
main(int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*run)(Fixture *, gconstpointer);
  } tests[] = { { "/precision/choice", test_choice },
                { "/precision/check", test_check },
                { "/precision/refused", test_refused },
                { "/precision/untried", test_untried } };
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/precision/names", test_names);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].run, tear_down);
  return g_test_run();
}
