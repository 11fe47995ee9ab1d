/* test_wanted_maps.c - maps of all frames, of those over the threshold, or of none
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "pictures.h"

#define ALL ((1u << CBIGAN_N_GAN_SCORES) - 1)

static void
score(CbiganScorer *scorer, const CbiganFrame *frame, CbiganResult *result)
{
  g_autoptr(GError) error = NULL;
  cbigan_scorer_score(scorer, frame, 1, result, &error);
  g_assert_no_error(error);
}

/* On each backend, all other results are the same however few maps are asked for. */
static void
check_maps(CbiganModel *model, const char *backend, CbiganScoreKind kind)
{
  CbiganScorer *scorers[CBIGAN_N_MAPS];
  CbiganResult results[CBIGAN_N_MAPS] = { 0 };
  Picture good = picture(100, 80, 5, FALSE), bad = picture(100, 80, 6, TRUE);
  for (int maps = 0; maps < CBIGAN_N_MAPS; maps++) {
    g_autoptr(GError) error = NULL;
    CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
    options.backend = backend;
    options.score = kind;
    options.also = ALL;
    options.threads = 1;
    options.maps = (CbiganMaps)maps;
    scorers[maps] = cbigan_scorer_new(model, &options, &error);
    g_assert_no_error(error);
  }
  score(scorers[0], &good.frame, &results[0]);
  const double of_good = results[0].score;
  score(scorers[0], &bad.frame, &results[0]);
  g_assert_cmpfloat(of_good, <, results[0].score);
  const double between = 0.5 * (of_good + results[0].score);
  for (int turn = 0; turn < 4; turn++) { /* good, bad, good, bad */
    const gboolean anomalous = turn % 2;
    for (int maps = 0; maps < CBIGAN_N_MAPS; maps++) {
      CbiganResult *r = &results[maps];
      const gboolean mapped = maps == CBIGAN_MAPS_ALL || (maps == CBIGAN_MAPS_ANOMALOUS && anomalous);
      cbigan_scorer_set_threshold(scorers[maps], between, NULL);
      score(scorers[maps], anomalous ? &bad.frame : &good.frame, r);
      g_assert_cmpint(r->anomalous, ==, anomalous);
      g_assert_cmpint(r->map_width * r->map_height, ==, mapped ? 100 * 80 : 0);
      for (int k = 0; k < CBIGAN_N_GAN_SCORES; k++)
        g_assert_cmpfloat(r->scores[k], ==, results[0].scores[k]);
      g_assert_cmpfloat(r->pixel_term, ==, results[0].pixel_term);
      g_assert_cmpfloat(r->feature_term, ==, results[0].feature_term);
      g_assert_cmpmem(r->map, mapped ? 100 * 80 * sizeof(float) : 0, results[0].map,
                      mapped ? 100 * 80 * sizeof(float) : 0);
      g_assert_cmpuint(r->n_regions, ==, mapped ? results[0].n_regions : 0);
      g_assert_true(!anomalous || !mapped || r->n_regions);
    }
  }
  for (int maps = 0; maps < CBIGAN_N_MAPS; maps++) {
    cbigan_scorer_free(scorers[maps]);
    cbigan_result_clear(&results[maps]);
  }
  g_free(good.pixels);
  g_free(bad.pixels);
}

static void
test_wanted(void)
{
  g_autoptr(CbiganModel) model = calibrated_model(64, 100, 80);
  for (const char *const *name = cbigan_backend_names(); *name; name++) {
    g_autofree char *why = cbigan_backend_unavailable(*name);
    if (g_str_equal(*name, "cuda") && !g_getenv("CBIGAN_TEST_EMULATED")) /* it measures, so two scorers may differ */
      continue;
    for (int kind = 0; !why && kind < CBIGAN_N_GAN_SCORES; kind++)
      check_maps(model, *name, (CbiganScoreKind)kind);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/wanted-maps", test_wanted);
  return g_test_run();
}
