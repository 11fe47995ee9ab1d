/* test_roi.c - areas and the least area of a region, on both kinds of model and on every backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "sides.h"

/* Around the blot the score is that of the whole frame; beside it, it is less. The frame's is the worst area's. */
static void
test_areas(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  CbiganResult whole = CBIGAN_RESULT_INIT, result = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE);
  score(scorer, &p, &whole);
  count(scorer, "0,0,1,1", NULL);
  score(scorer, &p, &result);
  g_assert_cmpfloat_with_epsilon(result.score, whole.score, 1e-6 * whole.score);
  count(scorer, "beside=0,0.8,1120px,0.2; blot=0.35,0.1,0.3,0.5", NULL);
  score(scorer, &p, &result);
  g_assert_cmpuint(result.n_areas, ==, 2);
  g_assert_cmpstr(result.areas[1].name, ==, "blot");
  g_assert_cmpfloat(result.score, ==, MAX(result.areas[0].score, result.areas[1].score));
  if (side->kind < OBJECT) { /* weights of an inspector are random here */
    g_assert_cmpfloat_with_epsilon(result.areas[1].score, whole.score, 1e-6 * whole.score);
    if (side->kind != PAPER) /* its patches are as large as the frame */
      g_assert_cmpfloat(result.areas[0].score, <, result.areas[1].score);
  }
  for (gsize i = 0; i < PIXELS; i++) {
    const gboolean inside = i / W >= 64 || (i / W >= 8 && i / W < 48 && i % W >= 39 && i % W < 73);
    if (!inside && result.map[i] != 0.0f)
      g_error("map[%zu] is %g outside of all areas, expected 0", i, (double)result.map[i]);
  }
  g_free(p.pixels);
  cbigan_result_clear(&whole);
  cbigan_result_clear(&result);
}

/* An area's own threshold decides in it, and the frame's verdict and map follow the worst area. */
static void
test_thresholds(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  CbiganResult plain = CBIGAN_RESULT_INIT, result = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE);
  count(scorer, "left=0,0,0.5,1; right=0.5,0,0.5,1", NULL);
  score(scorer, &p, &plain);
  const double low = plain.areas[0].score / 3, high = plain.areas[1].score * 2;
  g_autofree char *roi = g_strdup_printf("left=0,0,0.5,1@%.9g; right=0.5,0,0.5,1@%.9g", low, high);
  count(scorer, roi, NULL);
  score(scorer, &p, &result);
  g_assert_true(result.areas[0].anomalous && !result.areas[1].anomalous && result.anomalous);
  g_assert_cmpfloat(result.score, ==, plain.areas[0].score);
  g_assert_cmpfloat_with_epsilon(result.threshold, low, 1e-6 * low);
  g_assert_cmpfloat_with_epsilon(result.normalized, 0.75, 1e-6);
  for (gsize i = 0; i < PIXELS; i++)
    if (i % W >= W / 2 && side->kind != PAPER && result.map[i] > (float)result.threshold)
      g_error("map[%zu] is %g in an area below its threshold, expected at most %g", i, (double)result.map[i],
              result.threshold);
  for (guint i = 0; i < result.n_regions; i++)
    g_assert_cmpfloat(result.regions[i].x, <, 0.5);
  g_free(p.pixels);
  cbigan_result_clear(&plain);
  cbigan_result_clear(&result);
}

static void
test_polygon(void)
{
  static const Side side = { "cpu", CRITIC };
  g_autoptr(CbiganModel) model = open_model(side.kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, &side);
  CbiganResult result = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, FALSE);
  count(scorer, "0,0 1,0 0,1", NULL);
  score(scorer, &p, &result);
  for (gsize i = 0; i < PIXELS; i++)
    if ((i % W + 0.5) / W + ((double)(i / W) + 0.5) / H > 1.001 && result.map[i] != 0.0f)
      g_error("map[%zu] is %g outside of the triangle, expected 0", i, (double)result.map[i]);
  g_free(p.pixels);
  cbigan_result_clear(&result);
}

/* --- the least area of a region ----------------------------------------------------------------------------------- */

/* Without a region that is large enough there is no anomaly, whether the caller wants a map or not. */
static void
test_min_area(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  CbiganResult result = CBIGAN_RESULT_INIT, limited = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE);
  for (int maps = 0; maps < CBIGAN_N_MAPS; maps++) {
    g_autoptr(GError) error = NULL;
    CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
    options.backend = side->backend;
    options.score = (CbiganScoreKind)side->kind;
    options.maps = (CbiganMaps)maps;
    g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, &error);
    g_assert_no_error(error);
    score(scorer, &p, &result);
    g_assert_true(cbigan_scorer_set_threshold(scorer, result.score * 0.95, NULL)); /* a few pixels */
    count(scorer, "blot=0.3,0,0.4,1; beside=0,0,0.1,1", NULL);
    g_assert_true(cbigan_scorer_set_min_area(scorer, 1e-6, NULL));
    score(scorer, &p, &limited);
    g_assert_true(limited.anomalous && limited.areas[0].anomalous && !limited.areas[1].anomalous);
    g_assert_true(cbigan_scorer_set_min_area(scorer, 0.9, NULL));
    score(scorer, &p, &limited);
    g_assert_false(limited.anomalous || limited.areas[0].anomalous);
    g_assert_cmpuint(limited.n_regions, ==, 0);
    g_assert_cmpfloat_with_epsilon(limited.score, result.score, 1e-6 * result.score);
    g_assert_cmpint(limited.map_width, ==, maps == CBIGAN_MAPS_ALL ? W : limited.map_width);
  }
  g_free(p.pixels);
  cbigan_result_clear(&result);
  cbigan_result_clear(&limited);
}

static void
test_bad_values(void)
{
  static const guint8 none[4] = { 0 };
  static const struct {
    const char *roi;
    CbiganMask mask;
    int pixels; /* whether the picture's size is known */
    const char *parts[3];
  } rows[] = {
    { .roi = "0.5,0,0.6,1", .pixels = 1, .parts = { "x = 1.1", "0 to 1" } },
    { .roi = "-0.1,0,0.6,1", .pixels = 1, .parts = { "x = -0.1", "0 to 1" } },
    { .roi = "lid=0,0,20000,1", .pixels = 1, .parts = { "“lid”: reaches x = 20000;", "0 to 1", "120px" } },
    { .roi = "lid=0,0,20000px,1", .pixels = 1, .parts = { "“lid”: reaches x = 20000px;", "0px to 1120px" } },
    { .roi = "0,0,1,801px", .pixels = 1, .parts = { "y = 801px;", "0px to 800px" } },
    { .roi = "0.5,0,600px,1", .pixels = 1, .parts = { "x = 1160px;", "0px to 1120px" } },
    { .roi = "600px,0,0.5,1", .pixels = 1, .parts = { "x = 1160px;", "0px to 1120px" } },
    { .roi = "0,-10px,1,20px", .pixels = 1, .parts = { "y = -10px;", "0px to 800px" } },
    { .roi = "0,0 1,0 0,810px", .pixels = 1, .parts = { "y = 810px;", "0px to 800px" } },
    { .roi = "0,0 1,0 0,2", .pixels = 1, .parts = { "y = 2;", "0 to 1" } },
    { .roi = "lid=0,0,0,1", .pixels = 1, .parts = { "lid", "0 x 1;", "above 0" } },
    { .roi = "0,0,0px,0.5", .pixels = 1, .parts = { "0px x 0.5;", "above 0" } },
    { .roi = "0,0,-5px,1", .pixels = 1, .parts = { "-5px x 1;", "above 0" } },
    { .roi = "0,0,nan,1", .pixels = 1, .parts = { "nan", "number" } },
    { .roi = "0,0,inf,1", .pixels = 1, .parts = { "inf", "number" } },
    { .roi = "0,0,1", .pixels = 1, .parts = { "0,0,1", "rectangle" } },
    { .roi = "0,0", .pixels = 1, .parts = { "1 corner;", "at least 3" } },
    { .roi = "0,0 1,1", .pixels = 1, .parts = { "2 corners", "at least 3" } },
    { .roi = "0,0 1,1 0,0,1,1", .pixels = 1, .parts = { "0,0,1,1", "x,y" } },
    { .roi = ";", .pixels = 1, .parts = { ";", "at least one" } },
    { .roi = "a=0,0,1,1;a=0,0,1,1", .pixels = 1, .parts = { "“a”", "different names" } },
    { .roi = "0,0,1,1@nan", .pixels = 1, .parts = { "nan", "at least 0" } },
    { .roi = "0,0,1,1@-1", .pixels = 1, .parts = { "-1", "at least 0" } },
    { .roi = "0,0,20px,1", .pixels = 0, .parts = { "20px", "fractions" } },
    { .roi = "0,0,20em,1", .pixels = 1, .parts = { "20em", "number" } },
    { .roi = "0,0,0.001,0.001", .pixels = 1, .parts = { "no pixel", "112 x 80", "larger" } },
    { .mask = { none, 2, 2 }, .parts = { "2 x 2", "at least one" } },
    { .mask = { none, 0, 2 }, .parts = { "0 x 2", "at least 1 x 1" } },
  };
  static const Side side = { "cpu", CRITIC };
  g_autoptr(CbiganModel) model = open_model(side.kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, &side);
  CbiganResult before = CBIGAN_RESULT_INIT, after = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE);
  count(scorer, "0,0,0.5,1", NULL);
  score(scorer, &p, &before);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    const CbiganCounting counting = { .roi = rows[i].roi,
                                      .picture_width = rows[i].pixels ? 1120 : 0,
                                      .picture_height = rows[i].pixels ? 800 : 0,
                                      .mask = rows[i].mask };
    g_assert_false(cbigan_scorer_set_counting(scorer, &counting, &error));
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT);
    for (int k = 0; k < 3 && rows[i].parts[k]; k++)
      if (!strstr(error->message, rows[i].parts[k]))
        g_error("row %u: “%s” is not in the message: %s", i, rows[i].parts[k], error->message);
  }
  score(scorer, &p, &after); /* nothing has changed */
  g_assert_cmpfloat(after.score, ==, before.score);
  g_free(p.pixels);
  cbigan_result_clear(&before);
  cbigan_result_clear(&after);
}

int
main(int argc, char **argv)
{
  static const SideTest tests[] = {
    { "areas", test_areas, ~0u },
    { "thresholds", test_thresholds, ~0u },
    { "min-area", test_min_area, 1u << CALIBRATED | 1u << CRITIC },
  };
  g_test_init(&argc, &argv, NULL);
  add_side_tests("roi", tests, G_N_ELEMENTS(tests));
  g_test_add_func("/roi/polygon", test_polygon);
  g_test_add_func("/roi/bad-values", test_bad_values);
  return g_test_run();
}
