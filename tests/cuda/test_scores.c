/* test_scores.c - whole scores from the cuda backend against the cpu backend's
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where there is a GPU, those run that any GPU can take; on the emulated one, all.
 */
#include <math.h>
#include <string.h>

#include "core/pictures.h"
#include "counts.h"
#include "gpu_configs.h"
#include "score/gan/score.h"
#include "harness.h"

static CbiganScorer *
open_scorer(CbiganModel *model, const char *backend, CbiganScoreKind kind, gboolean all)
{
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = backend;
  options.score = kind;
  options.also = all ? (1u << CBIGAN_N_GAN_SCORES) - 1 : 0;
  options.threads = 1;
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  return scorer;
}

static void
score(CbiganScorer *scorer, const CbiganFrame *frames, guint n, CbiganResult *results)
{
  g_autoptr(GError) error = NULL;
  cbigan_scorer_score(scorer, frames, n, results, &error);
  g_assert_no_error(error);
}

/* Frames of several sizes in one call, in changed light, with and without a blot: each score, and the map of one. */
static void
check_scores(CbiganModel *model, const int (*sizes)[2], guint n, CbiganScoreKind kind, gboolean all)
{
  CbiganScorer *scorers[] = { open_scorer(model, "cpu", kind, all), open_scorer(model, "cuda", kind, all) };
  Picture pictures[n];
  CbiganFrame frames[n];
  CbiganResult want[n], have[n];
  for (guint i = 0; i < n; i++) {
    pictures[i] = picture(sizes[i][0], sizes[i][1], 300 + i, i % 2 == 0);
    change_light(&pictures[i], i % 3 ? 1.05 : 0.9, i % 3 ? 3 : 6);
    frames[i] = pictures[i].frame;
    want[i] = have[i] = (CbiganResult)CBIGAN_RESULT_INIT;
  }
  score(scorers[0], frames, n, want);
  for (int turn = 0; turn < 2; turn++) /* launches, graphs */
    score(scorers[1], frames, n, have);
  for (guint i = 0; i < n; i++) {
    for (int k = 0; k < CBIGAN_N_GAN_SCORES; k++)
      if ((all || k == (int)kind) && !(fabs(have[i].scores[k] / want[i].scores[k] - 1) <= 1e-4))
        g_error("%d x %d, %s: %.9g, expected %.9g, tolerance 1e-4", sizes[i][0], sizes[i][1],
                cbigan_score_name((CbiganScoreKind)k), have[i].scores[k], want[i].scores[k]);
    for (int k = 0; k < sizes[i][0] * sizes[i][1]; k++)
      if (!(fabs(have[i].map[k] - want[i].map[k]) <= 1e-4 * want[i].score))
        g_error("%d x %d, %s, map[%d]: %.9g, expected %.9g, tolerance 1e-4 of %g", sizes[i][0], sizes[i][1],
                cbigan_score_name(kind), k, (double)have[i].map[k], (double)want[i].map[k], want[i].score);
    g_free(pictures[i].pixels);
    cbigan_result_clear(&want[i]);
    cbigan_result_clear(&have[i]);
  }
  cbigan_scorer_free(scorers[0]);
  cbigan_scorer_free(scorers[1]);
}

static void
test_scores(void)
{
  /* any size, several in a batch and one in several; statistics of each position; patches that overlap */
  static const struct {
    int patch, w, h;
    guint n;
    int sizes[5][2];
  } models[] = {
    { 64, 0, 0, 5, { { 64, 64 }, { 65, 64 }, { 100, 80 }, { 127, 200 }, { 64, 64 } } },
    { 64, 64, 64, 3, { { 64, 64 }, { 64, 64 }, { 64, 64 } } },
    { 64, 150, 110, 2, { { 150, 110 }, { 150, 110 } } },
    { 128, 140, 128, 1, { { 140, 128 } } },
  };
  if (!can_run_on(QUICK))
    return;
  for (guint i = 0; i < G_N_ELEMENTS(models); i++) {
    g_autoptr(CbiganModel) model = calibrated_model(models[i].patch, models[i].w, models[i].h);
    g_assert_false(isnan(model->info.light_median));
    check_scores(model, models[i].sizes, models[i].n, CBIGAN_SCORE_CRITIC, FALSE);
    check_scores(model, models[i].sizes, models[i].n, (CbiganScoreKind)(i % CBIGAN_N_GAN_SCORES), TRUE);
    model->info.light_low = model->info.light_median = NAN; /* both views are one */
    check_scores(model, models[i].sizes, models[i].n, CBIGAN_SCORE_CALIBRATED, TRUE);
  }
}

/* Asked of the GPU for a frame, all scores: its copy, a graph for each batch of its patches, one wait; where its map is
 * wanted, a copy and a wait for it. */
static void
test_asked(void)
{
  /* one by one, copies among them; as graphs; waits; copies between pinned memory and the device; others */
  static const char *const names[] = { "launch", "graph", "wait", "copy", "pageable" };
  static const struct {
    int batch;
    CbiganMaps maps;
    long asked[G_N_ELEMENTS(names)];
  } rows[] = {
    { 0, CBIGAN_MAPS_NONE, { 1, 1, 1, 1, 0 } },
    { 2, CBIGAN_MAPS_NONE, { 1, 2, 1, 1, 0 } }, /* of four patches */
    { 0, CBIGAN_MAPS_ALL, { 2, 1, 2, 1, 1 } },
  };
  if (!emulated(QUICK))
    return;
  g_autoptr(CbiganModel) model = calibrated_model(64, 100, 80);
  Picture p = picture(100, 80, 3, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
    options.backend = "cuda";
    options.score = CBIGAN_SCORE_CALIBRATED;
    options.also = (1u << CBIGAN_N_GAN_SCORES) - 1;
    options.batch = rows[i].batch;
    options.maps = rows[i].maps;
    g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, &error);
    g_assert_no_error(error);
    CbiganResult r = CBIGAN_RESULT_INIT;
    for (int turn = 0; turn < 4; turn++) { /* launches, a capture, graphs */
      long before[G_N_ELEMENTS(names)];
      for (guint k = 0; k < G_N_ELEMENTS(names); k++)
        before[k] = emulator_count(names[k]);
      score(scorer, &p.frame, 1, &r);
      for (guint k = 0; k < G_N_ELEMENTS(names) && turn > 1; k++)
        if (emulator_count(names[k]) - before[k] != rows[i].asked[k])
          g_error("row %u: %s: %ld, expected %ld", i, names[k], emulator_count(names[k]) - before[k], rows[i].asked[k]);
    }
    cbigan_result_clear(&r);
  }
  g_free(p.pixels);
}

/* What D makes of a frame is not finite: the same error as from any backend. */
static void
test_bad_weights(void)
{
  g_autoptr(GError) error = NULL;
  if (!can_run())
    return;
  g_autoptr(CbiganModel) model = calibrated_model(64, 64, 64);
  for (gsize i = 0; i < model->networks[CBIGAN_DISCRIMINATOR]->n_floats; i++)
    model->parameters[CBIGAN_DISCRIMINATOR][i] = 3e38f;
  g_autoptr(CbiganScorer) scorer = open_scorer(model, "cuda", CBIGAN_SCORE_CRITIC, FALSE);
  Picture p = picture(64, 64, 1, FALSE);
  CbiganResult r = CBIGAN_RESULT_INIT;
  g_assert_false(cbigan_scorer_score(scorer, &p.frame, 1, &r, &error));
  expect_error(error, CBIGAN_ERROR_BACKEND, "not finite");
  g_free(p.pixels);
  cbigan_result_clear(&r);
}

/* After a few frames the device has no memory left and no room for graphs, and scoring asks for neither. */
static void
test_memory(void)
{
  if (!only_emulated())
    return;
  g_autoptr(CbiganModel) model = calibrated_model(64, 100, 80);
  Picture p = picture(100, 80, 3, TRUE);
  for (int all = 0; all < 2; all++) {
    g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
    g_autoptr(CbiganScorer) scorer = open_scorer(model, "cuda", CBIGAN_SCORE_CRITIC, all);
    CbiganResult r = CBIGAN_RESULT_INIT;
    for (int i = 0; i < 5; i++) {
      const long graphs = emulator_count("graph");
      if (i == 2)
        g_setenv("CBIGAN_EMULATOR", QUICK ",memory=0,graphs=0", TRUE);
      score(scorer, &p.frame, 1, &r);
      g_assert_cmpint(emulator_count("graph") - graphs, ==, i > 0);
    }
    cbigan_result_clear(&r);
  }
  g_free(p.pixels);
}

/* More scorers than there is memory for: the last one is an error that says so, the others score as ever, and when one
 * is closed there is room again. */
static void
test_too_many(void)
{
  enum { MOST = 200 };
  static const char *const pieces[] = { QUICK ",memory=48", QUICK ",memory=49", QUICK ",memory=50" };
  if (!only_emulated())
    return;
  g_autoptr(CbiganModel) model = calibrated_model(64, 100, 80);
  Picture p = picture(100, 80, 3, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(pieces); i++) { /* it ends in other places */
    g_autoptr(GError) error = NULL;
    CbiganScorer *scorers[MOST] = { NULL };
    CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
    CbiganResult r = CBIGAN_RESULT_INIT;
    double want = NAN;
    int n = 0;
    options.backend = "cuda";
    options.batch = 4;
    g_setenv("CBIGAN_EMULATOR", pieces[i], TRUE);
    while (n < MOST && (scorers[n] = cbigan_scorer_new(model, &options, &error)))
      n++;
    g_assert_cmpint(n, >, 1);
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
    if (!g_regex_match_simple("out of memory|cudaErrorMemoryAllocation", error->message, 0, 0))
      g_error("“%s”", error->message);
    for (int k = 0; k < n; k++) {
      score(scorers[k], &p.frame, 1, &r);
      g_assert_true(k == 0 || r.score == want);
      want = r.score;
    }
    g_test_message("%s: %d scorers; then: %s", pieces[i], n, error->message);
    g_clear_pointer(&scorers[0], cbigan_scorer_free);
    g_clear_error(&error);
    scorers[0] = cbigan_scorer_new(model, &options, &error);
    g_assert_no_error(error);
    score(scorers[0], &p.frame, 1, &r);
    g_assert_cmpfloat(r.score, ==, want);
    for (int k = 0; k < n; k++)
      cbigan_scorer_free(scorers[k]);
    cbigan_result_clear(&r);
  }
  g_free(p.pixels);
}

/* A larger frame than there is memory for: an error that says so; smaller ones go on, and it does when there is. */
static void
test_larger(void)
{
  g_autoptr(GError) error = NULL;
  if (!emulated(QUICK))
    return;
  g_autoptr(CbiganModel) model = calibrated_model(64, 0, 0);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, "cuda", CBIGAN_SCORE_CALIBRATED, FALSE);
  g_autoptr(CbiganScorer) fresh = open_scorer(model, "cuda", CBIGAN_SCORE_CALIBRATED, FALSE);
  Picture small = picture(70, 64, 3, TRUE), large = picture(150, 140, 4, TRUE);
  CbiganResult first = CBIGAN_RESULT_INIT, want = CBIGAN_RESULT_INIT, r = CBIGAN_RESULT_INIT;
  score(scorer, &small.frame, 1, &first);
  score(fresh, &large.frame, 1, &want);
  g_setenv("CBIGAN_EMULATOR", QUICK ",memory=0", TRUE);
  g_assert_false(cbigan_scorer_score(scorer, &large.frame, 1, &r, &error));
  expect_error(error, CBIGAN_ERROR_BACKEND, "out of memory");
  g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  score(scorer, &small.frame, 1, &r);
  g_assert_cmpfloat(r.score, ==, first.score);
  score(scorer, &large.frame, 1, &r);
  g_assert_cmpfloat(r.score, ==, want.score);
  g_free(small.pixels);
  g_free(large.pixels);
  cbigan_result_clear(&first);
  cbigan_result_clear(&want);
  cbigan_result_clear(&r);
}

/* The device is lost in the middle of a frame. The error says this, and not that numbers are not finite. */
static void
test_lost(void)
{
  if (!only_emulated())
    return;
  for (int i = 0; i < 6 && !g_test_subprocess(); i++) {
    g_autofree char *text = g_strdup_printf("%d", 40 + 23 * i); /* pieces of work after opening */
    g_setenv("CBIGAN_TEST_LOST", text, TRUE);
    g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, 0);
    g_test_trap_assert_passed();
  }
  if (!g_test_subprocess())
    return;
  g_autoptr(GError) error = NULL;
  g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  g_autoptr(CbiganModel) model = calibrated_model(64, 100, 80);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, "cuda", CBIGAN_SCORE_CALIBRATED, TRUE);
  Picture p = picture(100, 80, 3, TRUE);
  CbiganResult r = CBIGAN_RESULT_INIT;
  g_autofree char *machine = g_strdup_printf(QUICK ",lost=%s", g_getenv("CBIGAN_TEST_LOST"));
  g_setenv("CBIGAN_EMULATOR", machine, TRUE);
  while (cbigan_scorer_score(scorer, &p.frame, 1, &r, &error))
    ;
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  if (!g_regex_match_simple("^[a-z0-9_]+\\.c:[0-9]+: .*: cudaErrorDevicesUnavailable", error->message, 0, 0))
    g_error("“%s”", error->message);
  g_free(p.pixels);
  cbigan_result_clear(&r);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cuda-scores/scores", test_scores);
  g_test_add_func("/cuda-scores/asked", test_asked);
  g_test_add_func("/cuda-scores/bad-weights", test_bad_weights);
  g_test_add_func("/cuda-scores/memory", test_memory);
  g_test_add_func("/cuda-scores/too-many", test_too_many);
  g_test_add_func("/cuda-scores/larger", test_larger);
  g_test_add_func("/cuda-scores/lost", test_lost);
  return g_test_run();
}
